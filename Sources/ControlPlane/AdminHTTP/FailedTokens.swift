internal import KeyMaterial
internal import NIOCore
internal import Operations
internal import Synchronization

/// Limits how often an address may send wrong tokens and admin keys before those it sends are no longer looked up.
///
/// What was correct when it was last used is exempt: behind a proxy all clients share one address, and none of them may
/// lock out the others.
final class FailedTokens: Sendable {
    /// Correct tokens that are remembered; beyond that, the one that was unused for longest is forgotten.
    static let validMax = 1_024

    private struct State {
        var failed: FailedKeyLimiter<CallerNetwork>
        /// Fingerprints, with the number of the last use.
        var valid: [String: UInt64] = [:]
        var uses: UInt64 = 0
    }

    private let state: Mutex<State>

    /// - Parameter perMinute: allowed failures per minute and address, half of them in a burst; 0 for no limit.
    init(perMinute: Int) { state = Mutex(State(failed: FailedKeyLimiter(perMinute: perMinute))) }

    /// - Returns: milliseconds until tokens from this address are looked up again; `nil` if they are now.
    func waitMs(_ token: String, from network: CallerNetwork) -> Int64? {
        let fingerprint = Fingerprint.sha256(token)
        return state.withLock {
            $0.valid[fingerprint] != nil ? nil : $0.failed.waitMs(network, atMs: Self.nowMs)
        }
    }

    /// Counts a wrong token against its address.
    func recordFailure(_ token: String, from network: CallerNetwork) {
        let fingerprint = Fingerprint.sha256(token)
        state.withLock {
            // It was correct once and has been reset, revoked or has expired since.
            $0.valid[fingerprint] = nil
            $0.failed.failed(network, atMs: Self.nowMs)
        }
    }

    /// Exempts this token from now on.
    func recordSuccess(_ token: String) {
        let fingerprint = Fingerprint.sha256(token)
        state.withLock { state in
            state.uses += 1
            state.valid[fingerprint] = state.uses
            guard state.valid.count > Self.validMax, let oldest = state.valid.min(by: { $0.value < $1.value }) else {
                return
            }
            state.valid[oldest.key] = nil
        }
    }

    private static var nowMs: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }
}
