package import GatewayModel
internal import LimitScripts
internal import PlaneContract

/// Reports what a running stream has cost so far, and asks for a larger hold when it needs one.
package struct ProgressReport: Sendable {
    package var id: RequestID
    package var caller: Caller
    package var cost: NanoUSD
    /// The total to hold from now on; a hold never shrinks before its end.
    package var hold: NanoUSD
    /// The JSON of the `UsageEvent` recorded if this worker dies now.
    package var event: [UInt8]

    package init(id: RequestID, caller: Caller, cost: NanoUSD, hold: NanoUSD, event: [UInt8]) {
        self.id = id
        self.caller = caller
        self.cost = cost
        self.hold = hold
        self.event = event
    }

    /// Appends the call of `gw2_progress` (progress.lua) in RESP form; `ProgressVerdict` reads the reply.
    ///
    /// - Parameter loopID: the event loop that owns the hold.
    package func write(generation: String, loopID: String, into out: inout [UInt8]) {
        let scopes = caller.scopes
        CommandWriter.begin(.progress, keys: 1 + scopes.counterKeys, arguments: 6, to: &out)
        CommandWriter.add(RedisKeys.hold(scopes.shard, id.text), to: &out)
        out += scopes.counters
        CommandWriter.add(generation, to: &out)
        CommandWriter.add(loopID, to: &out)
        CommandWriter.add(cost.nano, to: &out)
        CommandWriter.add(event, to: &out)
        CommandWriter.add(hold.nano, to: &out)
        out += caller.limits
    }
}

/// The limiter's answer to a progress report.
package enum ProgressVerdict: Sendable, Equatable {
    /// The amount held now; less than requested when the budget ran out, with the limit in `reason`.
    case held(NanoUSD, reason: LimitFacts?)
    /// Recorded, but the key or its org has changed since this worker read its record.
    case stale
    /// The hold is gone: reaped while this worker was silent.
    case closed
    case unavailable

    /// - Parameter reply: the reply's items as text.
    package init(reply: [String]) {
        switch reply.first {
        case "0" where reply.count == 2 || reply.count == 7:
            guard let held = Int64(reply[1]), held >= 0 else {
                self = .unavailable
                return
            }
            self = .held(NanoUSD(held), reason: reply.count == 7 ? Self.reason(reply) : nil)
        case "2": self = .stale
        case "8": self = .closed
        default: self = .unavailable
        }
    }

    private static func reason(_ reply: [String]) -> LimitFacts {
        func shown(_ text: String) -> String { NanoUSD(Int64(text) ?? 0).decimalUSD }
        return LimitFacts(
            scope: Refusal.scope(reply[2]), name: reply[3], limit: shown(reply[4]),
            used: Refusal.isShared(reply[2]) ? nil : shown(reply[5]),
            reserved: Refusal.isShared(reply[2]) ? nil : shown(reply[6]), resetMs: 0)
    }
}
