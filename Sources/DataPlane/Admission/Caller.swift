internal import GatewayModel
package import PlaneContract

/// The scopes a key's requests count in, with the parts of commands that name them made once.
package final class ScopeSet: Sendable {
    package let shard: Shard
    package let keyID: String
    package let orgID: String
    /// In RESP form: the shard's set of open holds, its usage stream, and `b` and `w` of the key, then of the org, which is
    /// the order every function expects.
    let openHolds: [UInt8]
    let usageStream: [UInt8]
    let counters: [UInt8]
    static let counterKeys = 4

    package init(keyID: String, orgID: String) {
        let shard = Shard(orgID: orgID)
        self.shard = shard
        self.keyID = keyID
        self.orgID = orgID
        openHolds = CommandWriter.encoded([RedisKeys.openHolds(shard)])
        usageStream = CommandWriter.encoded([RedisKeys.usageStream(shard)])
        counters = CommandWriter.encoded(
            [keyID, RedisKeys.orgScope(orgID)].flatMap { [RedisKeys.budget(shard, $0), RedisKeys.window(shard, $0)] })
    }
}

/// A key's record as a worker uses it: shared by all its requests.
package final class Caller: Sendable {
    package let record: KeyRecord
    package let scopes: ScopeSet
    /// In RESP form: for the key, then the org, its name, version and limits.
    let limits: [UInt8]
    static let limitWords = 18

    package init(_ record: KeyRecord) {
        self.record = record
        scopes = ScopeSet(keyID: record.keyID, orgID: record.orgID)
        limits = CommandWriter.encoded(
            Self.words(record.keyID, record.version, record.keyLimits)
                + Self.words(RedisKeys.orgScope(record.orgID), record.orgVersion, record.orgLimits))
    }

    private static func words(_ name: String, _ version: Int64, _ limits: ScopeLimits) -> [String] {
        let numbers: [Int64?] = [
            limits.requestsPerMinute, limits.tokensPerMinute, limits.concurrentRequests, limits.requestsPerDay,
            limits.requestsPerMonth, limits.perDay?.nano, limits.perMonth?.nano,
        ]
        return [name, String(version)] + numbers.map { String($0 ?? -1) }
    }
}
