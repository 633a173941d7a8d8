internal import FoundationEssentials
internal import LimitScripts
internal import PlaneContract
internal import Redis
internal import StateRedisAccess

/// The writes that publish configuration.
extension StateRedis {
    /// Commands per pipeline.
    private static let batch = 500
    /// The longest that pushing one page of keys may take.
    private static let keySetMsMax = 600_000

    /// Pushes key records, then raises their versions: a worker that sees a new version always finds its record.
    ///
    /// The change notification is sent last.
    func push(_ keys: [(digest: String, record: KeyRecord)]) async throws {
        for start in stride(from: 0, to: keys.count, by: StateRedis.batch) {
            let batch = keys[start..<min(start + StateRedis.batch, keys.count)]
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
    func pushAll(
        format: String,
        _ page: @Sendable (String?) async throws -> (keys: [(digest: String, record: KeyRecord)], last: String?)
    ) async throws {
        let marker = RedisKeys.keySetInProgress(String(UInt64.random(in: .min ... .max), radix: 36))
        try await pipeline([
            RedisCommand(["HSET", marker, RedisField.format, format]),
            RedisCommand(["PEXPIRE", marker, String(StateRedis.keySetMsMax)]),
        ])
        var last: String?
        repeat {
            let (keys, newest) = try await page(last)
            try await push(keys)
            try await pipeline([RedisCommand(["PEXPIRE", marker, String(StateRedis.keySetMsMax)])])
            last = newest
        } while last != nil
        try await pipeline([
            RedisCommand(["RENAME", marker, RedisKeys.keySetComplete]),
            RedisCommand(["PERSIST", RedisKeys.keySetComplete]),
        ])
    }

    /// Publishes a snapshot, unless Redis has a newer version, and notifies the workers.
    func push(_ snapshot: GatewaySnapshot) async throws {
        let body = String(decoding: try JSONEncoder().encode(snapshot), as: UTF8.self)
        let version = String(snapshot.version)
        try await pipeline([Self.command(.putKey, [RedisKeys.snapshot], [version, body])])
        try await pipeline([
            RedisCommand(["PUBLISH", RedisKeys.changeChannel, ChangeNotification.config(snapshot.version).message])
        ])
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
}
