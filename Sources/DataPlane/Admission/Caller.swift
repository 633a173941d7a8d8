internal import GatewayModel
package import PlaneContract

/// The scopes a key's requests count in, with the command parts that name them encoded once.
package final class ScopeSet: Sendable {
    package let shard: Shard
    package let keyID: String
    package let orgID: String
    /// The plan whose shared pool counts too; `nil` for none.
    package let pool: String?
    /// In RESP form: the shard's set of open holds, its usage stream, and the counters of key, org and pool, in the
    /// order every limiter function expects.
    let openHolds: [UInt8]
    let usageStream: [UInt8]
    let counters: [UInt8]
    /// The counters of key and org only.
    let ownCounters: [UInt8]
    let counterKeys: Int
    static let ownCounterKeys = 2

    package init(keyID: String, orgID: String, pool: String? = nil) {
        let shard = Shard(orgID: orgID)
        self.shard = shard
        self.keyID = keyID
        self.orgID = orgID
        self.pool = pool
        openHolds = CommandWriter.encoded([RedisKeys.openHolds(shard)])
        usageStream = CommandWriter.encoded([RedisKeys.usageStream(shard)])
        ownCounters = CommandWriter.encoded([keyID, RedisKeys.orgScope(orgID)].map { RedisKeys.budget(shard, $0) })
        counters =
            ownCounters
            + (pool.map { CommandWriter.encoded([RedisKeys.budget(shard, RedisKeys.poolScope($0))]) } ?? [])
        counterKeys = pool == nil ? Self.ownCounterKeys : Self.ownCounterKeys + 1
    }

    /// The periods of all scopes when they began at the same instant: `month/day`, repeated per scope.
    package func periods(_ one: String) -> String {
        Array(repeating: one, count: counterKeys).joined(separator: ",")
    }
}

/// A key's record as a worker uses it, shared by all its requests.
package final class Caller: Sendable {
    package let record: KeyRecord
    package let scopes: ScopeSet
    /// One RESP bulk string: a MessagePack array of name, version and limits for key, org and pool, in that order.
    let limits: [UInt8]
    /// The same with only requests a minute and concurrent requests as limits.
    let rateLimits: [UInt8]

    package init(_ record: KeyRecord) {
        self.record = record
        scopes = ScopeSet(keyID: record.keyID, orgID: record.orgID, pool: record.pool)
        limits = Self.encoded(record, record.keyLimits, record.orgLimits, ScopeLimits(perDay: record.planPerDay))
        rateLimits = Self.encoded(record, record.keyLimits.ratesOnly, record.orgLimits.ratesOnly, ScopeLimits())
    }

    /// The caller for a record that was read again while a request runs: the request stays in the scopes it was
    /// admitted in.
    package func renewed(_ newer: Caller) -> Caller {
        guard newer.record.pool != record.pool else { return newer }
        var pinned = newer.record
        pinned.plan = record.plan
        pinned.planPerDay = record.planPerDay
        return Caller(pinned)
    }

    private static func encoded(
        _ record: KeyRecord, _ keyLimits: ScopeLimits, _ orgLimits: ScopeLimits, _ poolLimits: ScopeLimits
    ) -> [UInt8] {
        var packed = MessagePack()
        packed.array(record.pool == nil ? 2 : 3)
        pack(record.keyID, record.version, keyLimits, into: &packed)
        pack(RedisKeys.orgScope(record.orgID), record.orgVersion, orgLimits, into: &packed)
        // A pool has no version: its share is looked up with the versions of the others.
        if let pool = record.pool { pack(RedisKeys.poolScope(pool), 0, poolLimits, into: &packed) }
        var word: [UInt8] = []
        CommandWriter.add(packed.bytes, to: &word)
        return word
    }

    /// A Lua number is exact only up to 2^53, so money is sent in two parts: multiples of this many nano-USD, and the
    /// rest.
    private static let moneyBase: Int64 = 1_000_000_000_000_000

    private static func pack(_ name: String, _ version: Int64, _ limits: ScopeLimits, into out: inout MessagePack) {
        out.array(11)
        out.text(name)
        out.integer(version)
        for limit in [
            limits.requestsPerMinute, limits.tokensPerMinute, limits.concurrentRequests, limits.requestsPerDay,
            limits.requestsPerMonth,
        ] { out.integer(limit ?? -1) }
        for limit in [limits.perDay?.nano, limits.perMonth?.nano] {
            out.integer(limit.map { $0 / moneyBase } ?? -1)
            out.integer(limit.map { $0 % moneyBase } ?? 0)
        }
    }
}

extension ScopeLimits {
    fileprivate var ratesOnly: ScopeLimits {
        ScopeLimits(requestsPerMinute: requestsPerMinute, concurrentRequests: concurrentRequests)
    }
}
