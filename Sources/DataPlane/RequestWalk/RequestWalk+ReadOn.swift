internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import Routing

/// An answer that no caller is waiting for, read to the usage at its end because its provider bills all of it anyway.
struct ReadingOn {
    /// How the request ended for its caller.
    var outcome: Outcome
    var status: Int
    var error: GatewayError?
}

/// Requests that end before their provider's answer does.
///
/// The connection is closed where that ends the bill, and the answer is read on elsewhere. An answer read to its end is
/// charged as reported, any other by the whole bound.
extension RequestWalk {
    /// How long to wait for the usage of an answer that has ended, in milliseconds.
    private static let usageMs: Int64 = 1_000

    /// Ends the request for its caller and either closes the attempt or reads it on.
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

    /// How a closed attempt is billed: error responses are not, however much of their body has arrived.
    func billingWhenClosed(_ attempt: Attempt) -> Billing {
        attempt.status.map { $0 == 200 } ?? true ? .cut : .nothing(keepsUnit: true)
    }

    /// Whether reading on can lower the charge. A stream that has finished is about to report its usage, whether or not
    /// closing would end its bill.
    func paysToReadOn(_ target: RouteTarget) -> Bool {
        if stopsWhenClosed(target) { return relay.finished && relay.finalUsage == nil }
        return charge(.cut, at: 0).cost > .zero
    }

    private mutating func cancelTimers() { for timer in WalkTimer.allCases { actions.append(.cancelTimer(timer)) } }

    /// Sends output to the caller; dropped once the answer is only read on.
    mutating func say(_ action: WalkAction) {
        if readsOn == nil { actions.append(action) }
    }

    /// Sets a timer, unless the answer is only read on, which has a deadline of its own.
    mutating func schedule(_ timer: WalkTimer, afterMs: Int64) {
        if readsOn == nil { actions.append(.setTimer(timer, afterMs: afterMs)) }
    }
}
