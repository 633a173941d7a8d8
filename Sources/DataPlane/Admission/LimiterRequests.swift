package import GatewayModel
internal import LimitScripts
package import PlaneContract

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

/// Asks to let a request in, holding its worst case.
package struct AdmitRequest: Sendable {
    package var id: RequestID
    package var caller: Caller
    package var estimatedTokens: Int64
    package var hold: NanoUSD
    /// What is charged if this worker dies before it reports anything: the input, as we count it.
    package var floorCost: NanoUSD
    /// The event the sweeper files in that case.
    package var event: UsageEvent
    package var lifetimeMs: Int64

    package init(
        id: RequestID, caller: Caller, estimatedTokens: Int64, hold: NanoUSD, floorCost: NanoUSD, event: UsageEvent,
        lifetimeMs: Int64
    ) {
        self.id = id
        self.caller = caller
        self.estimatedTokens = estimatedTokens
        self.hold = hold
        self.floorCost = floorCost
        self.event = event
        self.lifetimeMs = lifetimeMs
    }

    package func write(_ fence: Fence, owner: String, into out: inout [UInt8]) {
        let scopes = caller.scopes
        let command = CommandWriter(
            .admit, keys: 2 + ScopeSet.counterKeys, arguments: 9 + Caller.limitWords, to: &out)
        command.add(RedisKeys.hold(scopes.shard, id.text), to: &out)
        out += scopes.openHolds
        out += scopes.counters
        command.add(id.text, to: &out)
        command.add(fence.generation, to: &out)
        command.add(fence.run, to: &out)
        command.add(owner, to: &out)
        command.add(lifetimeMs, to: &out)
        command.add(estimatedTokens, to: &out)
        command.add(hold.nano, to: &out)
        command.add(floorCost.nano, to: &out)
        command.add(event.json, to: &out)
        out += caller.limits
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
    static let tombstoneMs: Int64 = 900_000

    package var id: String
    package var scopes: ScopeSet
    package var target: Target
    package var cost: NanoUSD
    package var tokens: Int64
    /// The JSON of a `UsageEvent`, frozen: a repeated settle sends the same bytes.
    package var event: [UInt8]
    /// The periods admit named.
    package var periods: String
    /// The request gave its caller nothing: its unit of the request limits is given back.
    package var givesUnitBack: Bool

    package init(
        id: String, scopes: ScopeSet, target: Target, cost: NanoUSD, tokens: Int64, event: [UInt8], periods: String,
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

    package func write(generation: String, into out: inout [UInt8]) {
        let command = CommandWriter(.settle, keys: 3 + ScopeSet.counterKeys, arguments: 9, to: &out)
        command.add(RedisKeys.hold(scopes.shard, id), to: &out)
        out += scopes.openHolds
        out += scopes.usageStream
        out += scopes.counters
        command.add(id, to: &out)
        command.add(generation, to: &out)
        command.add(target.rawValue, to: &out)
        command.add(cost.nano, to: &out)
        command.add(tokens, to: &out)
        command.add(event, to: &out)
        command.add(Self.tombstoneMs, to: &out)
        command.add(periods, to: &out)
        command.add(givesUnitBack ? "1" : "0", to: &out)
    }
}

/// Reports what a running stream has cost so far.
package struct ProgressReport: Sendable {
    package var id: RequestID
    package var scopes: ScopeSet
    package var cost: NanoUSD
    package var event: [UInt8]

    package init(id: RequestID, scopes: ScopeSet, cost: NanoUSD, event: [UInt8]) {
        self.id = id
        self.scopes = scopes
        self.cost = cost
        self.event = event
    }

    package func write(generation: String, owner: String, into out: inout [UInt8]) {
        let command = CommandWriter(.progress, keys: 1, arguments: 4, to: &out)
        command.add(RedisKeys.hold(scopes.shard, id.text), to: &out)
        command.add(generation, to: &out)
        command.add(owner, to: &out)
        command.add(cost.nano, to: &out)
        command.add(event, to: &out)
    }
}
