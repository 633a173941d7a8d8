internal import Admission
internal import GatewayModel

/// Stage 4, where the money is there but running requests hold it: much of a hold is caution, and comes back when its request ends.
/// So the caller is not sent away at once; the limiter is asked again a few times, and only then the refusal is given.
struct MoneyWait {
    /// Before the limiter is asked a second time; each further pause is twice as long, up to the largest.
    private static let pauseMsMin: Int64 = 100
    private static let pauseMsMax: Int64 = 1_000

    /// What the caller is told in the end.
    private(set) var refusal: GatewayError
    /// The question is with the limiter again.
    private(set) var isAsking = false
    private var pauseMs = pauseMsMin
    private var waitedMs: Int64 = 0

    /// When the money was first refused. A request that waited for another's answer meanwhile has waited.
    private let beganMs: Int64

    init(_ refusal: GatewayError, at now: Int64) {
        self.refusal = refusal
        beganMs = now
    }

    /// - Returns: how long to wait before the limiter is asked again; `nil` when that was long enough.
    mutating func next(
        after refusal: GatewayError, waitingAtMost bound: Int64, at now: Int64, jitter: inout SplitMix64
    ) -> Int64? {
        self.refusal = refusal
        isAsking = false
        guard max(waitedMs, now - beganMs) + pauseMs <= bound else { return nil }
        // Those that wait for the same money do not come back together.
        let pause = Int64.random(in: pauseMs / 2...pauseMs, using: &jitter)
        waitedMs += pauseMs
        pauseMs = min(2 * pauseMs, Self.pauseMsMax)
        return pause
    }

    mutating func asks() { isAsking = true }
}

extension RequestWalk {
    /// Waits for running requests to give back what they hold, or gives the refusal.
    mutating func waitForMoney(_ error: GatewayError, at now: Int64) {
        // The cache has spoken; from here on only the limiter is waited for.
        waivedRefusal = nil
        var wait = moneyWait ?? MoneyWait(error, at: now)
        var jitter = SplitMix64(state: context.randomSeed ^ UInt64(bitPattern: now))
        let pause =
            error.kind == .budgetInFlight
            ? wait.next(
                after: error, waitingAtMost: context.world.settings.moneyWaitMs, at: now, jitter: &jitter) : nil
        guard let pause else {
            moneyWait = nil
            return fail(error, at: now)
        }
        moneyWait = wait
        schedule(.money, afterMs: pause)
        schedule(.total, afterMs: context.world.bounds.totalMs)
    }

    mutating func askForMoney(at now: Int64) {
        guard case .admitting = phase, admitted == nil, let asked = pending?.asked, moneyWait?.isAsking == false else {
            return
        }
        moneyWait?.asks()
        // The limiter has a deadline of its own; a hold that may stand is not given up for this one.
        actions.append(.cancelTimer(.total))
        actions.append(.admit(asked))
    }

    /// Whether the request was refused, and nothing is asked at this moment: it holds nothing.
    var isRefusedSoFar: Bool { waivedRefusal != nil || moneyWait?.isAsking == false }
}
