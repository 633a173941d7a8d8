package import GatewayModel
internal import LimitScripts
internal import PlaneContract

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
    /// The worst case: what is held when there is money for it.
    package var hold: NanoUSD
    /// The least that makes sense to hold: with less money left than that, the request is refused.
    package var holdMin: NanoUSD
    /// What is charged if this worker dies before it reports anything: the input, as we count it.
    package var floorCost: NanoUSD
    /// The JSON of the `UsageEvent` the sweeper files in that case.
    package var event: [UInt8]
    package var lifetimeMs: Int64
    /// Its answer is at hand and costs nothing: only its rate and how many run at once count, and nothing is held.
    package var isForCachedAnswer = false
    /// Its unit and its place were taken before its body was parsed (`BeginRequest`).
    package var hasBegun = false

    package init(
        id: RequestID, caller: Caller, estimatedTokens: Int64, hold: NanoUSD, holdMin: NanoUSD, floorCost: NanoUSD,
        event: [UInt8], lifetimeMs: Int64
    ) {
        self.id = id
        self.caller = caller
        self.estimatedTokens = estimatedTokens
        self.hold = hold
        self.holdMin = holdMin
        self.floorCost = floorCost
        self.event = event
        self.lifetimeMs = lifetimeMs
    }

    package func write(_ fence: Fence, owner: String, into out: inout [UInt8]) {
        let scopes = caller.scopes
        CommandWriter.begin(.admit, keys: 2 + scopes.counterKeys, arguments: 11, to: &out)
        CommandWriter.add(RedisKeys.hold(scopes.shard, id.text), to: &out)
        out += scopes.openHolds
        out += scopes.counters
        CommandWriter.add(id.text, to: &out)
        CommandWriter.add(fence.generation, to: &out)
        CommandWriter.add(fence.run, to: &out)
        CommandWriter.add(owner, to: &out)
        CommandWriter.add(lifetimeMs, to: &out)
        CommandWriter.add(estimatedTokens, to: &out)
        CommandWriter.add(hold.nano, to: &out)
        CommandWriter.add(holdMin.nano, to: &out)
        CommandWriter.add(floorCost.nano, to: &out)
        CommandWriter.add(event, to: &out)
        out += isForCachedAnswer ? caller.rateLimits : caller.limits
    }
}
