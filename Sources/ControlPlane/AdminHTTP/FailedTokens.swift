internal import KeyMaterial
internal import NIOCore
internal import Operations
internal import Synchronization

/// Limits how often an address may send wrong admin tokens before its tokens are no longer looked up.
///
/// The last correct token is exempt: behind a proxy all clients share one address, and none of them may lock out the
/// operator.
final class FailedTokens: Sendable {
    private struct State {
        var failed: FailedKeyLimiter<CallerNetwork>
        var lastValid: String?
    }

    private let state: Mutex<State>

    /// - Parameter perMinute: allowed failures per minute and address, half of them in a burst; 0 for no limit.
    init(perMinute: Int) { state = Mutex(State(failed: FailedKeyLimiter(perMinute: perMinute))) }

    /// - Returns: milliseconds until tokens from this address are looked up again; `nil` if they are now.
    func waitMs(_ token: String, from network: CallerNetwork) -> Int64? {
        let fingerprint = Fingerprint.sha256(token)
        return state.withLock { $0.lastValid == fingerprint ? nil : $0.failed.waitMs(network, atMs: Self.nowMs) }
    }

    /// Counts a wrong token against its address.
    func recordFailure(_ token: String, from network: CallerNetwork) {
        let fingerprint = Fingerprint.sha256(token)
        state.withLock {
            // The token was correct once and has been reset since.
            if $0.lastValid == fingerprint { $0.lastValid = nil }
            $0.failed.failed(network, atMs: Self.nowMs)
        }
    }

    /// Exempts this token from now on.
    func recordSuccess(_ token: String) {
        let fingerprint = Fingerprint.sha256(token)
        state.withLock { $0.lastValid = fingerprint }
    }

    private static var nowMs: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }
}
