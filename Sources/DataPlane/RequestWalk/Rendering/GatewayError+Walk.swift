internal import Admission
internal import GatewayModel
internal import PlaneContract

/// Errors that several stages return.
extension GatewayError {
    static func unauthorized(_ message: String) -> GatewayError { GatewayError(.invalidAPIKey, message) }

    static func bodyTooLarge(bytesMax: Int) -> GatewayError {
        GatewayError(.requestTooLarge, "The body is larger than \(bytesMax >> 20) MiB.")
    }

    static var limiterUnavailable: GatewayError {
        GatewayError(
            .limiterUnavailable, "The limits of this key cannot be checked right now. Retry shortly.",
            retryAfterMs: 1_000)
    }

    /// The worker has just started and has no snapshot yet, neither on disk nor from Redis.
    static var notConfigured: GatewayError {
        GatewayError(
            .noProviderAvailable, "This worker has no configuration yet. Retry shortly.", detail: "no snapshot",
            retryAfterMs: 1_000)
    }

    static var serverShutdown: GatewayError {
        GatewayError(.serverShutdown, "server_shutdown: this worker is restarting. Retry.", retryAfterMs: 1_000)
    }

    /// Whether a cached answer may be returned in spite of this refusal, because it uses nothing of that limit.
    var isWaivedForCachedAnswers: Bool {
        switch kind {
        case .insufficientQuota, .budgetInFlight: true
        case .rateLimitExceeded: limit?.name == "tokens_per_minute"
        default: false
        }
    }
}

extension KeyLookup {
    /// The key's owner, if the key may be used at this time.
    func caller(atMs now: Int64) throws(GatewayError) -> Caller {
        switch self {
        case .found(let caller):
            guard caller.record.isLive(atMs: now) else { throw Self.unusableKey }
            return caller
        case .unknown: throw Self.unusableKey
        case .unavailable: throw .limiterUnavailable
        case .notAsked(let error): throw error
        }
    }

    private static var unusableKey: GatewayError { .unauthorized("The key is unknown, revoked or expired.") }
}

extension KeyRecord {
    func isLive(atMs now: Int64) -> Bool { status == .active && (expiresAtMs ?? .max) > now }
}
