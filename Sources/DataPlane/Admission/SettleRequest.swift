package import GatewayModel
internal import LimitScripts
internal import PlaneContract

/// Replaces a hold by the request's real cost.
package struct SettleRequest: Sendable {
    package enum Target: String, Sendable {
        /// It reached a provider: charged, and recorded in the ledger.
        case settled = "S"
        /// It never reached a provider: everything is refunded, nothing is recorded.
        case cancelled = "C"
        /// Its worker is gone: charged what it last reported.
        case reaped = "R"
        /// Its worker is gone and the request only began: its slot and its unit are returned, and no tombstone is left.
        case abandoned = "B"
    }

    package var id: String
    package var scopes: ScopeSet
    package var target: Target
    package var cost: NanoUSD
    package var tokens: Int64
    /// The JSON of a `UsageEvent`, frozen so that a retry sends the same bytes.
    package var event: [UInt8]
    /// The periods that admit returned.
    package var periods: String
    /// Refunds the unit of the request limits: the client got nothing, or an answer from the cache.
    package var refundsRequest: Bool
    /// With `refundsRequest`: the unit stays counted in the minute, because the answer came from the cache.
    package var countsInMinute: Bool

    package init(
        id: String, scopes: ScopeSet, target: Target, cost: NanoUSD, tokens: Int64, event: [UInt8], periods: String,
        refundsRequest: Bool, countsInMinute: Bool = false
    ) {
        self.id = id
        self.scopes = scopes
        self.target = target
        self.cost = cost
        self.tokens = tokens
        self.event = event
        self.periods = periods
        self.refundsRequest = refundsRequest
        self.countsInMinute = countsInMinute
    }

    /// Appends the call of `gw2_settle` (settle.lua) in RESP form.
    ///
    /// - Parameter generation: the shard's generation; Redis fences the settle of any other.
    package func write(generation: String, into out: inout [UInt8]) {
        CommandWriter.begin(.settle, keys: 3 + scopes.counterKeys, arguments: 9, to: &out)
        CommandWriter.add(RedisKeys.hold(scopes.shard, id), to: &out)
        out += scopes.openHolds
        out += scopes.usageStream
        out += scopes.counters
        CommandWriter.add(id, to: &out)
        CommandWriter.add(generation, to: &out)
        CommandWriter.add(target.rawValue, to: &out)
        CommandWriter.add(cost.nano, to: &out)
        CommandWriter.add(tokens, to: &out)
        CommandWriter.add(event, to: &out)
        CommandWriter.add(PlaneTiming.tombstoneMs, to: &out)
        CommandWriter.add(periods, to: &out)
        CommandWriter.add(refundsRequest ? countsInMinute ? "2" : "1" : "0", to: &out)
    }
}
