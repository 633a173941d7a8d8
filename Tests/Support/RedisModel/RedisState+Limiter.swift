internal import LimitScripts
internal import Redis

/// The limiter's functions that the control plane calls; the Lua files of `LimitScripts` describe them.
extension RedisState {
    mutating func call(_ function: String, _ keys: [String], _ arguments: [String]) -> RESPValue {
        let key = keys.first ?? ""
        switch LimitLibrary.Function(rawValue: function) {
        case .putKey: return putKey(key, arguments)
        case .raiseVersion: return raiseVersion(key, arguments)
        case .heartbeat:
            hashes[key, default: [:]][arguments[0]] = String(nowMs)
            return .array([.integer(nowMs)])
        case .deregister: return delete(key, arguments)
        case .reopen: return reopen(key, arguments)
        case .stop:
            if hashes[key]?["gen"] == arguments[0] { hashes[key]?["gen"] = nil }
            return .array([.integer(0)])
        case .barrier: return barrier(keys[1], arguments[0])
        case .close:
            guard hashes[keys[1]]?["barrier"] == arguments[0] else { return .array([.integer(3)]) }
            hashes[keys[1]]?["closed"] = arguments[0]
            return .array([.integer(0)])
        case .clear: return clear(keys, arguments[0])
        case .seed, .restoreReaped: return restore(keys[1], arguments)
        case .activate:
            guard runID == arguments[1], isPrepared(key, arguments[0]) else { return .array([.integer(3)]) }
            hashes[key, default: [:]]["gen"] = arguments[0]
            return .array([.integer(0)])
        case .raiseSpent:
            strings[keys[1]] = arguments.joined(separator: " ")
            return .array([.integer(0), .integer(0), .integer(5)])
        case .share: return share(key, keys[1], arguments)
        case .pool: return pool(key, keys[1], arguments[0])
        default: return .error("ERR the model has no function \(function)")
        }
    }

    private func sibling(_ prefix: String, _ key: String) -> String {
        prefix + key.drop { $0 != "{" }.prefix { $0 != "}" } + "}"
    }

    private mutating func putKey(_ key: String, _ arguments: [String]) -> RESPValue {
        let current = hashes[key]?["v"].flatMap { Int64($0) } ?? -1
        guard let version = Int64(arguments[0]), current <= version else {
            return .array([.integer(1), .integer(current)])
        }
        hashes[key] = ["v": arguments[0], "record": arguments[1]]
        return .array([.integer(0)])
    }

    private mutating func raiseVersion(_ key: String, _ arguments: [String]) -> RESPValue {
        let current = hashes[key]?[arguments[0]].flatMap { Int64($0) } ?? -1
        guard let version = Int64(arguments[1]), current < version else {
            return .array([.integer(1), .integer(current)])
        }
        hashes[key, default: [:]][arguments[0]] = arguments[1]
        return .array([.integer(0)])
    }

    /// Opens at once: no test here has a worker that replays.
    private mutating func reopen(_ key: String, _ arguments: [String]) -> RESPValue {
        let generation = hashes[sibling("c:", key)]?["gen"]
        guard let generation else { return .array([.integer(3)]) }
        guard generation == arguments[2] else { return .array([.integer(2), .string(generation)]) }
        hashes[key] = ["open": arguments[1]]
        return .array([.integer(0)])
    }

    private mutating func barrier(_ key: String, _ generation: String) -> RESPValue {
        let prepared = hashes[key]?["barrier"].flatMap { Int64($0) } ?? 0
        guard let new = Int64(generation), hashes[sibling("c:", key)]?["gen"] == nil, prepared <= new else {
            return .array([.integer(3)])
        }
        if prepared < new {
            hashes[key, default: [:]]["barrier"] = generation
            hashes[key]?["closed"] = nil
            return .array([.integer(1)])
        }
        let owners = (hashes[key] ?? [:]).filter { $0.value == "b" + generation }.keys.sorted()
        return .array([.integer(0)] + owners.map { .string($0) })
    }

    private func isPrepared(_ key: String, _ generation: String) -> Bool {
        hashes[sibling("c:", key)]?["gen"] == nil && hashes[sibling("run:", key)]?["closed"] == generation
    }

    private mutating func clear(_ keys: [String], _ generation: String) -> RESPValue {
        guard isPrepared(keys[1], generation), hashes[keys[1]]?["filling"] != generation else {
            return .array([.integer(3)])
        }
        for key in keys.dropFirst(2) { (hashes[key], strings[key]) = (nil, nil) }
        return .array([.integer(0)])
    }

    private mutating func restore(_ key: String, _ arguments: [String]) -> RESPValue {
        guard isPrepared(key, arguments[0]) else { return .array([.integer(3)]) }
        hashes[sibling("run:", key), default: [:]]["filling"] = arguments[0]
        strings[key] = arguments.dropFirst().joined(separator: " ")
        return .array([.integer(0)])
    }
}
