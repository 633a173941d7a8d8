internal import KeyMaterial
internal import NIOCore
internal import Operations
internal import Synchronization

/// How often an address may send admin tokens that are wrong, before tokens from it are looked up no more.
///
/// The token that was right last is looked up from anywhere: behind a proxy all callers have one address, and none of them keeps the
/// operator out.
final class FailedTokens: Sendable {
    private struct State {
        var failed: FailedKeys<CallerNetwork>
        var lastRight: String?
    }

    private let state: Mutex<State>

    /// - Parameter perMinute: failures a minute of one address, half of them at once; 0 for no limit.
    init(perMinute: Int) { state = Mutex(State(failed: FailedKeys(perMinute: perMinute))) }

    /// - Returns: in how many milliseconds a token from there is looked up again; `nil`: now.
    func waitMs(_ token: String, from network: CallerNetwork) -> Int64? {
        let fingerprint = Fingerprint.sha256(token)
        return state.withLock { $0.lastRight == fingerprint ? nil : $0.failed.waitMs(network, atMs: Self.nowMs) }
    }

    func wrong(_ token: String, from network: CallerNetwork) {
        let fingerprint = Fingerprint.sha256(token)
        state.withLock {
            // It was reset meanwhile.
            if $0.lastRight == fingerprint { $0.lastRight = nil }
            $0.failed.failed(network, atMs: Self.nowMs)
        }
    }

    func right(_ token: String) {
        let fingerprint = Fingerprint.sha256(token)
        state.withLock { $0.lastRight = fingerprint }
    }

    private static var nowMs: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }
}
