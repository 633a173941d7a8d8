internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import Routing

/// An answer nobody waits for any more, read to the usage at its end: its provider bills it to the end, closed or not.
struct ReadingOn {
    /// How the request ended for its caller.
    var outcome: Outcome
    var status: Int
    var error: GatewayError?
}

/// Ends before the provider's own: the connection is closed where that ends the bill, and read on elsewhere. What is read to
/// its end is charged as reported; what is not, by the whole bound.
extension RequestWalk {
    /// How long the usage of an answer that has ended is waited for, in milliseconds.
    private static let usageMs: Int64 = 1_000

    /// To the caller everything is said.
    ///
    /// - Parameter mayReadOn: whether there is time left to wait for usage.
    mutating func leave(
        _ outcome: Outcome, status: Int, error: GatewayError? = nil, mayReadOn: Bool = true, at now: Int64
    ) {
        guard readsOn == nil, let attempt, let admitted, mayReadOn, paysToReadOn(attempt.target) else {
            if let attempt { actions.append(.cancelAttempt(attempt.number)) }
            let wasSent = attemptsMade > 0
            settle(
                wasSent ? outcome : nil, status: status, at: now,
                attempt.map(billingWhenClosed) ?? .nothing(keepsUnit: wasSent))
            return end(status: status, outcome: wasSent ? outcome : nil, error: error, at: now)
        }
        cancelTimers()
        if clientIsBlocked || relay.waitsForHold { actions.append(.resumeAttempt(attempt.number)) }
        clientIsBlocked = false
        relay.waitsForHold = false
        readsOn = ReadingOn(outcome: outcome, status: status, error: error)
        let leftMs = context.world.bounds.totalMs - (now - admittedMs)
        actions.append(
            .readOn(
                keyID: admitted.scopes.keyID, deadlineMs: relay.finished ? min(leftMs, Self.usageMs) : leftMs))
    }

    /// An error is not billed, however much of its body has arrived.
    func billingWhenClosed(_ attempt: Attempt) -> Billing {
        attempt.status.map { $0 == 200 } ?? true ? .cut : .nothing(keepsUnit: true)
    }

    /// An answer that has ended is about to say its usage, whatever its provider does when closed.
    func paysToReadOn(_ target: RouteTarget) -> Bool {
        if stopsWhenClosed(target) { return relay.finished && relay.finalUsage == nil }
        return charge(.cut, at: 0).cost > .zero
    }

    private mutating func cancelTimers() { for timer in WalkTimer.allCases { actions.append(.cancelTimer(timer)) } }

    /// Words to the caller are dropped once nobody listens.
    mutating func say(_ action: WalkAction) {
        if readsOn == nil { actions.append(action) }
    }

    /// So are the timers of an answer that is waited for: a deadline of its own bounds what is read on.
    mutating func schedule(_ timer: WalkTimer, afterMs: Int64) {
        if readsOn == nil { actions.append(.setTimer(timer, afterMs: afterMs)) }
    }
}
