package import GatewayModel
package import Operations
package import Reactor
internal import Synchronization

/// Limits failed key look-ups per network, across all loops of a worker. Consulted only before a look-up in Redis.
package final class FailedKeyGuard: Sendable {
    private let failed: Mutex<FailedKeyLimiter<PeerAddress>>
    private let metrics: MetricsRegistry

    /// - Parameter perMinute: failed look-ups that one network may cause; 0 for any number.
    package init(perMinute: Int, metrics: MetricsRegistry) {
        failed = Mutex(FailedKeyLimiter(perMinute: perMinute))
        self.metrics = metrics
    }

    /// The error for a key from this address, or `nil` when it may be looked up.
    package func refusal(of address: PeerAddress, atMs now: Int64) -> GatewayError? {
        guard let wait = failed.withLock({ $0.waitMs(address.network, atMs: now) }) else { return nil }
        metrics.add("aihub_worker_key_lookups_refused_total")
        // Up to a second of jitter, so that clients of one network do not retry together.
        let waitMs = wait + Int64.random(in: 0...1_000)
        var error = GatewayError(
            .rateLimitExceeded,
            "Too many keys from this address were unknown, revoked or expired. Check the key, and retry in"
                + " \((waitMs + 999) / 1000) s.", retryAfterMs: waitMs)
        error.isShed = true
        return error
    }

    /// A key from this address was looked up in vain, at this monotonic time.
    package func failed(_ address: PeerAddress, atMs now: Int64) {
        failed.withLock { $0.failed(address.network, atMs: now) }
    }
}
