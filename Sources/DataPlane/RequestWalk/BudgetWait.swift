internal import GatewayModel

/// The wait of a request whose money is held by running ones.
///
/// Much of a hold is a safety margin that comes back when its request ends. So the caller is not refused at once: the
/// limiter is asked again with growing pauses, for at most `moneyWaitMs`.
struct BudgetWait {
    /// The pause before the limiter is asked a second time. Each further pause doubles, up to the maximum.
    private static let pauseMsMin: Int64 = 100
    private static let pauseMsMax: Int64 = 1_000

    /// The limiter's latest refusal, returned to the caller if the wait fails.
    private(set) var refusal: GatewayError
    /// The limiter is being asked again.
    private(set) var isAsking = false
    private var pauseMs = pauseMsMin
    private var waitedMs: Int64 = 0

    /// When the money was first refused. Time spent waiting for the cache since then counts.
    private let beganMs: Int64

    init(_ refusal: GatewayError, at now: Int64) {
        self.refusal = refusal
        beganMs = now
    }

    /// - Returns: how long to wait before the limiter is asked again; `nil` once the request has waited long enough.
    mutating func next(
        after refusal: GatewayError, waitingAtMost bound: Int64, at now: Int64, jitter: inout SplitMix64
    ) -> Int64? {
        self.refusal = refusal
        isAsking = false
        guard max(waitedMs, now - beganMs) + pauseMs <= bound else { return nil }
        // Jitter, so that requests that wait for the same money do not return together.
        let pause = Int64.random(in: pauseMs / 2...pauseMs, using: &jitter)
        waitedMs += pauseMs
        pauseMs = min(2 * pauseMs, Self.pauseMsMax)
        return pause
    }

    mutating func asks() { isAsking = true }
}
