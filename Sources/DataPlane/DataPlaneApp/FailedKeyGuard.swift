internal import GatewayModel
internal import Operations
internal import Reactor
internal import Synchronization

/// The failed keys of all loops of a worker. Asked only when a key is to be looked up in Redis.
final class FailedKeyGuard: Sendable {
    private let failed: Mutex<FailedKeys<PeerAddress>>
    private let metrics: MetricsRegistry

    init(perMinute: Int, metrics: MetricsRegistry) {
        failed = Mutex(FailedKeys(perMinute: perMinute))
        self.metrics = metrics
    }

    /// Why a key from this address is not looked up; `nil` when it is.
    func refusal(of address: PeerAddress, atMs now: Int64) -> GatewayError? {
        guard let wait = failed.withLock({ $0.waitMs(address.network, atMs: now) }) else { return nil }
        metrics.add("aihub_worker_key_lookups_refused_total")
        // All of a second, so that its neighbours do not come back together.
        let waitMs = wait + Int64.random(in: 0...1_000)
        var error = GatewayError(
            .rateLimitExceeded,
            "Too many keys from this address were unknown, revoked or expired. Check the key, and retry in"
                + " \((waitMs + 999) / 1000) s.", retryAfterMs: waitMs)
        error.isShed = true
        return error
    }

    func failed(_ address: PeerAddress, atMs now: Int64) {
        failed.withLock { $0.failed(address.network, atMs: now) }
    }
}
