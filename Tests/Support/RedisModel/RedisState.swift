internal import PlaneContract
internal import Redis

/// What the model holds.
package struct RedisState: Sendable {
    package struct Entry: Sendable {
        package var id: String
        package var fields: [String]

        /// - Parameter fields: names and values in turn.
        package init(id: String, fields: [String]) {
            self.id = id
            self.fields = fields
        }
    }

    package var hashes: [String: [String: String]] = [:]
    package var strings: [String: String] = [:]
    package var streams: [String: [Entry]] = [:]
    /// The code of the loaded library.
    package var library: String?
    package var runID = "run1"
    package var evictionPolicy = "noeviction"
    package var nowMs: Int64 = 1_767_225_600_000
    package var isReachable = true
    /// What a shared budget has in a shard, by its `b:` key.
    package var pools: [String: PoolUse] = [:]
    /// Messages on the channel of changes.
    package var published: [String] = []
    /// Every command received, as its words.
    package var commands: [[String]] = []

    /// Loses everything, as a Redis without persistence does when it restarts.
    package mutating func wipe(newRunID: String) {
        (hashes, strings, streams, pools, library, runID) = ([:], [:], [:], [:], nil, newRunID)
    }

    /// The commands that called this function of the limiter.
    package func calls(of function: String) -> [[String]] { commands.filter { $0.count > 1 && $0[1] == function } }

    mutating func reply(to words: [String]) -> RESPValue {
        let name = words.first ?? ""
        if name == "FCALL", words.count > 2, let count = Int(words[2]), words.count >= 3 + count {
            return call(words[1], Array(words[3..<(3 + count)]), Array(words[(3 + count)...]))
        }
        let key = words.count > 1 ? words[1] : ""
        switch name {
        case "TIME": return .array([.string(String(nowMs / 1_000)), .string(String(nowMs % 1_000 * 1_000))])
        case "INFO": return .string(info(key))
        case "FUNCTION": return function(words)
        case "EXISTS": return .integer(exists(key) ? 1 : 0)
        case "HGET": return hashes[key]?[words[2]].map { .string($0) } ?? .null
        case "HGETALL": return .array(sorted(key).flatMap { [.string($0.key), .string($0.value)] })
        case "HKEYS": return .array(sorted(key).map { .string($0.key) })
        case "HSET": return set(key, Array(words.dropFirst(2)))
        case "HDEL": return delete(key, Array(words.dropFirst(2)))
        case "SET":
            strings[key] = words[2]
            return .string("OK")
        case "RENAME": return rename(key, words[2])
        case "PEXPIRE", "PERSIST": return .integer(exists(key) ? 1 : 0)
        case "SCAN":
            let names = Array(hashes.keys) + Array(strings.keys) + Array(streams.keys)
            return .array([.string("0"), .array(names.sorted().map { .string($0) })])
        case "PUBLISH":
            published.append(words[2])
            return .integer(0)
        case "XRANGE", "XREVRANGE", "XTRIM": return stream(name, key, words)
        default: return .error("ERR the model has no command \(name)")
        }
    }

    private func info(_ section: String) -> String {
        section == "memory"
            ? "maxmemory_policy:\(evictionPolicy)\r\nused_memory:1000\r\nmaxmemory:0" : "run_id:\(runID)\r\n"
    }

    private mutating func function(_ words: [String]) -> RESPValue {
        if words[1] == "LOAD" { library = words.last }
        guard let library, words[1] == "LIST" else { return .array([]) }
        return .array([.array([.string("library_name"), .string("gw2"), .string("library_code"), .string(library)])])
    }

    private func exists(_ key: String) -> Bool { hashes[key] != nil || strings[key] != nil || streams[key] != nil }

    private func sorted(_ key: String) -> [(key: String, value: String)] {
        (hashes[key] ?? [:]).sorted { $0.key < $1.key }
    }

    private mutating func set(_ key: String, _ fields: [String]) -> RESPValue {
        for at in stride(from: 0, to: fields.count - 1, by: 2) {
            hashes[key, default: [:]][fields[at]] = fields[at + 1]
        }
        return .integer(Int64(fields.count / 2))
    }

    mutating func delete(_ key: String, _ fields: [String]) -> RESPValue {
        for field in fields { hashes[key]?[field] = nil }
        if hashes[key]?.isEmpty == true { hashes[key] = nil }
        return .integer(0)
    }

    private mutating func rename(_ old: String, _ new: String) -> RESPValue {
        guard let moved = hashes.removeValue(forKey: old) else { return .error("ERR no such key") }
        hashes[new] = moved
        return .string("OK")
    }

    private mutating func stream(_ name: String, _ key: String, _ words: [String]) -> RESPValue {
        var entries = streams[key] ?? []
        if name == "XTRIM" {
            let least = StreamID(words[3])
            entries.removeAll { entry in least.map { (StreamID(entry.id) ?? $0) < $0 } ?? false }
            streams[key] = entries
            return .integer(0)
        }
        if name == "XREVRANGE" {
            entries = entries.suffix(1)
        } else if let first = StreamID(words[2].dropFirst()) {
            entries = entries.filter { StreamID($0.id).map { $0 > first } ?? false }
        }
        let most = words.firstIndex(of: "COUNT").flatMap { Int(words[$0 + 1]) } ?? .max
        return .array(entries.prefix(most).map { .array([.string($0.id), .array($0.fields.map { .string($0) })]) })
    }
}
