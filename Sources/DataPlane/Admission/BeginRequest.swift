package import GatewayModel
internal import LimitScripts
internal import PlaneContract

/// Asks whether a request's large body may be read: takes its unit of the request limits and its concurrency slot.
///
/// The request's `AdmitRequest` completes it; a cancel returns what was taken.
package struct BeginRequest: Sendable {
    package var id: RequestID
    package var caller: Caller
    /// The JSON of a `UsageEvent` that names key and org: what a reaper needs to cancel the request.
    package var event: [UInt8]
    package var lifetimeMs: Int64

    package init(id: RequestID, caller: Caller, event: [UInt8], lifetimeMs: Int64) {
        self.id = id
        self.caller = caller
        self.event = event
        self.lifetimeMs = lifetimeMs
    }

    /// Appends the call of `gw2_begin` in RESP form; `BeginVerdict` reads the reply.
    ///
    /// - Parameter loopID: the event loop that will own the hold.
    package func write(_ fence: Fence, loopID: String, into out: inout [UInt8]) {
        let scopes = caller.scopes
        CommandWriter.begin(.begin, keys: 2 + scopes.counterKeys, arguments: 7, to: &out)
        CommandWriter.add(RedisKeys.hold(scopes.shard, id.text), to: &out)
        out += scopes.openHolds
        out += scopes.counters
        CommandWriter.add(id.text, to: &out)
        CommandWriter.add(fence.generation, to: &out)
        CommandWriter.add(fence.redisRunID, to: &out)
        CommandWriter.add(loopID, to: &out)
        CommandWriter.add(lifetimeMs, to: &out)
        CommandWriter.add(event, to: &out)
        out += caller.limits
    }
}

/// The limiter's answer to a `BeginRequest`.
package enum BeginVerdict: Sendable {
    case begun
    case stale
    case fenced
    case refused(GatewayError)
    /// Closed by a cancel that overtook it, or malformed.
    case unreadable

    /// - Parameter reply: the reply's items as text.
    package init(reply: [String]) {
        if reply.count == 2, reply[0] == "0" || reply[0] == "1" {
            self = .begun
            return
        }
        switch AdmitVerdict(reply: reply) {
        case .stale: self = .stale
        case .fenced: self = .fenced
        case .refused(let error): self = .refused(error)
        case .admitted, .closed, .unreadable: self = .unreadable
        }
    }
}

package enum BeginAnswer: Sendable {
    case verdict(BeginVerdict)
    /// Redis could not be asked in time.
    case unavailable
    /// The limiter was not asked: the error to return, or `nil` when it is unreachable.
    case notAsked(GatewayError?)
}
