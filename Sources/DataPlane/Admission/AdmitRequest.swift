package import GatewayModel
internal import LimitScripts
internal import PlaneContract

/// The generation and the Redis run ID a worker assumes for a shard; Redis rejects calls under any other.
package struct Fence: Sendable, Equatable {
    /// Increments when a shard is rebuilt after total loss.
    package var generation: String
    /// The `run_id` of the Redis process.
    package var redisRunID: String

    package init(generation: String, redisRunID: String) {
        self.generation = generation
        self.redisRunID = redisRunID
    }
}

/// Asks to admit a request and hold its worst-case cost.
package struct AdmitRequest: Sendable {
    package var id: RequestID
    package var caller: Caller
    package var estimatedTokens: Int64
    /// The worst-case cost, held if the budget allows.
    package var hold: NanoUSD
    /// The least useful hold: with less money left, the request is refused.
    package var holdMin: NanoUSD
    /// The charge if this worker dies before it reports anything: the whole hold.
    package var floorCost: NanoUSD
    /// The JSON of the `UsageEvent` that the reaper records in that case.
    package var event: [UInt8]
    package var lifetimeMs: Int64
    /// The answer is cached and free: only request rate and concurrency are checked, and nothing is held.
    package var isForCachedResponse = false
    /// Its request unit and concurrency slot were taken by a `BeginRequest`, before its body was parsed.
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

    /// Appends the call of `gw2_admit` (admit.lua) in RESP form; `AdmitVerdict` reads the reply.
    ///
    /// - Parameter loopID: the event loop that will own the hold.
    package func write(_ fence: Fence, loopID: String, into out: inout [UInt8]) {
        let scopes = caller.scopes
        CommandWriter.begin(.admit, keys: 2 + scopes.counterKeys, arguments: 11, to: &out)
        CommandWriter.add(RedisKeys.hold(scopes.shard, id.text), to: &out)
        out += scopes.openHolds
        out += scopes.counters
        CommandWriter.add(id.text, to: &out)
        CommandWriter.add(fence.generation, to: &out)
        CommandWriter.add(fence.redisRunID, to: &out)
        CommandWriter.add(loopID, to: &out)
        CommandWriter.add(lifetimeMs, to: &out)
        CommandWriter.add(estimatedTokens, to: &out)
        CommandWriter.add(hold.nano, to: &out)
        CommandWriter.add(holdMin.nano, to: &out)
        CommandWriter.add(floorCost.nano, to: &out)
        CommandWriter.add(event, to: &out)
        out += isForCachedResponse ? caller.rateLimits : caller.limits
    }
}
