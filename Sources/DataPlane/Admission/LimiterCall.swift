package import GatewayModel
package import LimitScripts
package import PlaneContract

/// A call of one function of the limiter, without the connection that carries it.
package struct LimiterCall: Sendable {
    package var function: LimitLibrary.Function
    package var keys: [String]
    package var arguments: [String]
}

/// Which life of a shard's counters a worker believes in; Redis refuses what was computed under another one.
package struct Fence: Sendable, Equatable {
    /// Rises when a shard was rebuilt after total loss.
    package var generation: String
    /// The `run_id` of the Redis process.
    package var run: String

    package init(generation: String, run: String) {
        self.generation = generation
        self.run = run
    }
}

/// The scopes a key's requests count in.
package struct ScopeSet: Sendable, Equatable {
    package let shard: Shard
    package let keyID: String
    package let orgID: String

    package init(keyID: String, orgID: String) {
        shard = Shard(orgID: orgID)
        self.keyID = keyID
        self.orgID = orgID
    }

    /// `b` and `w` of the key, then of the org: the order every function expects.
    package var keys: [String] {
        [keyID, RedisKeys.orgScope(orgID)].flatMap { [RedisKeys.budget(shard, $0), RedisKeys.window(shard, $0)] }
    }
}

/// Asks to let a request in, holding its worst case.
package struct AdmitRequest: Sendable {
    package var id: RequestID
    package var key: KeyRecord
    package var estimatedTokens: Int64
    package var hold: NanoUSD
    /// What is charged if this worker dies before it reports anything: the input, as we count it.
    package var floorCost: NanoUSD
    /// The event the sweeper files in that case.
    package var event: UsageEvent
    package var lifetimeMs: Int64

    package init(
        id: RequestID, key: KeyRecord, estimatedTokens: Int64, hold: NanoUSD, floorCost: NanoUSD, event: UsageEvent,
        lifetimeMs: Int64
    ) {
        self.id = id
        self.key = key
        self.estimatedTokens = estimatedTokens
        self.hold = hold
        self.floorCost = floorCost
        self.event = event
        self.lifetimeMs = lifetimeMs
    }

    package var scopes: ScopeSet { ScopeSet(keyID: key.keyID, orgID: key.orgID) }

    package func call(_ fence: Fence, owner: String) -> LimiterCall {
        let shard = scopes.shard
        let head = [
            id.text, fence.generation, fence.run, owner, String(lifetimeMs), String(estimatedTokens), String(hold.nano),
            String(floorCost.nano), event.json,
        ]
        return LimiterCall(
            function: .admit,
            keys: [RedisKeys.hold(shard, id.text), RedisKeys.openHolds(shard)] + scopes.keys,
            arguments: head + Self.arguments(key.keyID, key.version, key.keyLimits)
                + Self.arguments(RedisKeys.orgScope(key.orgID), key.orgVersion, key.orgLimits))
    }

    private static func arguments(_ name: String, _ version: Int64, _ limits: ScopeLimits) -> [String] {
        let numbers: [Int64?] = [
            limits.requestsPerMinute, limits.tokensPerMinute, limits.concurrentRequests, limits.requestsPerDay,
            limits.requestsPerMonth, limits.perDay?.nano, limits.perMonth?.nano,
        ]
        return [name, String(version)] + numbers.map { String($0 ?? -1) }
    }
}

/// Replaces a hold by what the request really cost.
package struct SettleRequest: Sendable {
    package enum Target: String, Sendable {
        /// It reached a provider: charged, and filed in the ledger.
        case settled = "S"
        /// It never reached a provider: everything is given back, nothing is filed.
        case cancelled = "C"
        /// Its worker is gone: charged by what it last reported.
        case reaped = "R"
    }

    /// How long Redis remembers that a request is closed; a late or repeated settle within that time changes nothing.
    static let tombstoneMs = 900_000

    package var id: String
    package var scopes: ScopeSet
    package var target: Target
    package var cost: NanoUSD
    package var tokens: Int64
    /// The JSON of a `UsageEvent`, frozen: a repeated settle sends the same bytes.
    package var event: String
    /// The periods admit named.
    package var periods: String
    /// The request gave its caller nothing: its unit of the request limits is given back.
    package var givesUnitBack: Bool

    package init(
        id: String, scopes: ScopeSet, target: Target, cost: NanoUSD, tokens: Int64, event: String, periods: String,
        givesUnitBack: Bool
    ) {
        self.id = id
        self.scopes = scopes
        self.target = target
        self.cost = cost
        self.tokens = tokens
        self.event = event
        self.periods = periods
        self.givesUnitBack = givesUnitBack
    }

    package func call(generation: String) -> LimiterCall {
        let shard = scopes.shard
        return LimiterCall(
            function: .settle,
            keys: [RedisKeys.hold(shard, id), RedisKeys.openHolds(shard), RedisKeys.usageStream(shard)] + scopes.keys,
            arguments: [
                id, generation, target.rawValue, String(cost.nano), String(tokens), event, String(Self.tombstoneMs),
                periods, givesUnitBack ? "1" : "0",
            ])
    }
}

/// Reports what a running stream has cost so far.
package struct ProgressReport: Sendable {
    package var id: RequestID
    package var scopes: ScopeSet
    package var cost: NanoUSD
    package var event: String

    package init(id: RequestID, scopes: ScopeSet, cost: NanoUSD, event: String) {
        self.id = id
        self.scopes = scopes
        self.cost = cost
        self.event = event
    }

    package func call(generation: String, owner: String) -> LimiterCall {
        LimiterCall(
            function: .progress, keys: [RedisKeys.hold(scopes.shard, id.text)],
            arguments: [generation, owner, String(cost.nano), event])
    }
}
