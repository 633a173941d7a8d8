internal import FoundationEssentials
package import LimitScripts
package import PlaneContract
package import Redis

/// The control plane's writes to the state Redis.
package struct StateRedis: Sendable {
    /// Commands per pipeline.
    private static let batch = 500
    /// Keys examined per SCAN.
    private static let keysPerScan = 1_000
    /// The longest that pushing one page of keys may take.
    private static let keySetMsMax = 600_000

    package let client: RedisClient

    /// - Parameter client: connects as the user of control planes.
    package init(client: RedisClient) { self.client = client }

    /// Pushes key records, then raises their versions: a worker that sees a new version always finds its record.
    ///
    /// The change notification is sent last.
    package func push(_ keys: [(digest: String, record: KeyRecord)]) async throws {
        for start in stride(from: 0, to: keys.count, by: Self.batch) {
            let batch = keys[start..<min(start + Self.batch, keys.count)]
            try await pipeline(batch.map { try putKey($0.digest, $0.record) })
            try await pipeline(batch.flatMap { Self.raiseVersions($0.record) })
            try await pipeline(
                batch.map {
                    let notification = ChangeNotification.key(digest: $0.digest, version: $0.record.recordVersion)
                    return RedisCommand(["PUBLISH", RedisKeys.changeChannel, notification.message])
                })
        }
    }

    /// Pushes every key, and marks the keys as complete unless Redis lost any of them in the meantime.
    ///
    /// - Parameters:
    ///   - format: of the records, see `Publisher.recordFormat`.
    ///   - page: returns the keys after a key id and the last id among them, `nil` at the end. It is first called after
    ///     the marker that detects losses has been set, so that no key is missed.
    package func pushAll(
        format: String,
        _ page: @Sendable (String?) async throws -> (keys: [(digest: String, record: KeyRecord)], last: String?)
    ) async throws {
        let marker = RedisKeys.keySetInProgress(String(UInt64.random(in: .min ... .max), radix: 36))
        try await pipeline([
            RedisCommand(["HSET", marker, "form", format]),
            RedisCommand(["PEXPIRE", marker, String(Self.keySetMsMax)]),
        ])
        var last: String?
        repeat {
            let (keys, newest) = try await page(last)
            try await push(keys)
            try await pipeline([RedisCommand(["PEXPIRE", marker, String(Self.keySetMsMax)])])
            last = newest
        } while last != nil
        try await pipeline([
            RedisCommand(["RENAME", marker, RedisKeys.keySetComplete]),
            RedisCommand(["PERSIST", RedisKeys.keySetComplete]),
        ])
    }

    /// Publishes a snapshot, unless Redis has a newer version, and notifies the workers.
    package func push(_ snapshot: GatewaySnapshot) async throws {
        let body = String(decoding: try JSONEncoder().encode(snapshot), as: UTF8.self)
        let version = String(snapshot.version)
        try await pipeline([Self.command(.putKey, [RedisKeys.snapshot], [version, body])])
        try await pipeline([
            RedisCommand(["PUBLISH", RedisKeys.changeChannel, ChangeNotification.config(snapshot.version).message])
        ])
    }

    /// Removes leftover requests and counters of the shards that are being rebuilt.
    ///
    /// - Returns: false when Redis was wiped again or another control plane has taken over.
    package func clear(_ generations: [Shard: Int64]) async throws -> Bool {
        let shards = Dictionary(generations.keys.map { ($0.tag, $0) }) { first, _ in first }
        var cursor = "0"
        repeat {
            guard let page = try await client.call("SCAN", cursor, "COUNT", String(Self.keysPerScan)).array,
                page.count == 2
            else { return false }
            cursor = page[0].string ?? "0"
            var leftovers: [Shard: [String]] = [:]
            for key in (page[1].array ?? []).compactMap(\.string) {
                let parts = key.split(separator: ":", maxSplits: 2)
                guard parts.count > 1, ["h", "b", "o"].contains(parts[0]), let shard = shards[String(parts[1])] else {
                    continue
                }
                leftovers[shard, default: []].append(key)
            }
            let replies = try await pipeline(
                leftovers.map { shard, keys in
                    Self.command(
                        .clear, [RedisKeys.versions(shard), RedisKeys.runIDs(shard)] + keys,
                        [String(generations[shard] ?? 0)])
                })
            guard replies.allSatisfy({ $0.array?.first?.integer == 0 }) else { return false }
        } while cursor != "0"
        return true
    }

    private func putKey(_ digest: String, _ record: KeyRecord) throws -> RedisCommand {
        let body = String(decoding: try JSONEncoder().encode(record), as: UTF8.self)
        return Self.command(.putKey, [RedisKeys.keyRecord(digest: digest)], [String(record.recordVersion), body])
    }

    private static func raiseVersions(_ record: KeyRecord) -> [RedisCommand] {
        let versions = [RedisKeys.versions(Shard(orgID: record.orgID))]
        return [
            command(.raiseVersion, versions, [record.keyID, String(record.version)]),
            command(.raiseVersion, versions, [RedisKeys.orgScope(record.orgID), String(record.orgVersion)]),
        ]
    }

    /// The command that calls a function of the limiter.
    package static func command(_ function: LimitLibrary.Function, _ keys: [String], _ arguments: [String])
        -> RedisCommand
    {
        RedisCommand(function: function.rawValue, keys: keys, arguments: arguments)
    }

    /// Sends commands in one pipeline; throws if any of them was refused.
    @discardableResult
    package func pipeline(_ commands: [RedisCommand]) async throws -> [RESPValue] {
        try await client.pipeline(commands).map { try $0.get() }
    }
}
