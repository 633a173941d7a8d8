/// The kinds of errors a client may get, each with its `type` and HTTP status.
///
/// `docs/errors.md` lists them; a test compares the two.
package enum ErrorKind: String, Sendable, CaseIterable {
    case invalidRequest = "invalid_request_error"
    case contextLengthExceeded = "context_length_exceeded"
    case contentPolicyViolation = "content_policy_violation"
    case invalidAPIKey = "invalid_api_key"
    case insufficientQuota = "insufficient_quota"
    case budgetInFlight = "budget_in_flight"
    case modelNotFound = "model_not_found"
    case modelUnpriced = "model_unpriced"
    case notFound = "not_found"
    case methodNotAllowed = "method_not_allowed"
    case requestTimeout = "request_timeout"
    case requestTooLarge = "request_too_large"
    case targetTooLong = "uri_too_long"
    case unsupportedMediaType = "unsupported_media_type"
    case headersTooLarge = "headers_too_large"
    case rateLimitExceeded = "rate_limit_exceeded"
    case upstreamError = "upstream_error"
    case upstreamTimeout = "upstream_timeout"
    case noProviderAvailable = "no_provider_available"
    case limiterUnavailable = "limiter_unavailable"
    case overloaded = "overloaded"
    case serverShutdown = "server_shutdown"

    package var status: Int {
        switch self {
        case .invalidRequest, .contextLengthExceeded, .contentPolicyViolation: 400
        case .invalidAPIKey: 401
        case .insufficientQuota, .budgetInFlight: 402
        case .modelNotFound, .modelUnpriced, .notFound: 404
        case .methodNotAllowed: 405
        case .requestTimeout: 408
        case .requestTooLarge: 413
        case .targetTooLong: 414
        case .unsupportedMediaType: 415
        case .rateLimitExceeded: 429
        case .headersTooLarge: 431
        case .upstreamError: 502
        case .upstreamTimeout, .noProviderAvailable, .limiterUnavailable, .overloaded, .serverShutdown: 503
        }
    }

    /// The value of `x-should-retry`; `nil` leaves the decision to the client's rule for the status.
    package var shouldRetry: Bool? {
        switch self {
        case .budgetInFlight: true
        case .insufficientQuota, .requestTooLarge: false
        default: nil
        }
    }
}

/// An error for the client, with additional information for the log.
package struct GatewayError: Error, Sendable {
    package var kind: ErrorKind
    /// For the client: what happened and what to do. Never contains a secret, an address or a stack trace.
    package var message: String
    /// For the log only.
    package var detail: String
    /// The JSON path of the member at fault, such as `messages[0].role`.
    package var param: String?
    /// The limit that was reached, for the client to act on.
    package var limit: LimitFacts?
    /// How long to wait, in milliseconds, before a retry may succeed.
    package var retryAfterMs: Int64?
    /// Whether the request was shed under load. A client that retries at once is delayed: see `Response.restMs`.
    package var isShed = false
    /// Overrides `ErrorKind.shouldRetry`.
    package var shouldRetry: Bool?

    package init(
        _ kind: ErrorKind, _ message: String, detail: String = "", param: String? = nil, limit: LimitFacts? = nil,
        retryAfterMs: Int64? = nil, shouldRetry: Bool? = nil
    ) {
        self.kind = kind
        self.message = message
        self.detail = detail
        self.param = param
        self.limit = limit
        self.retryAfterMs = retryAfterMs
        self.shouldRetry = shouldRetry
    }
}

/// The limit that refused a request, in numbers a person can act on.
package struct LimitFacts: Sendable, Equatable {
    /// `key`, `org`, or `plan` for all orgs of the plan together.
    package var scope: String
    /// For example `requests_per_minute` or `usd_per_month`.
    package var name: String
    package var limit: String
    /// `nil` when the client must not know it, such as what other orgs have spent.
    package var used: String?
    package var reserved: String?
    /// Milliseconds until the sliding window has room or the period ends.
    package var resetMs: Int64

    package init(scope: String, name: String, limit: String, used: String?, reserved: String?, resetMs: Int64) {
        self.scope = scope
        self.name = name
        self.limit = limit
        self.used = used
        self.reserved = reserved
        self.resetMs = resetMs
    }

    /// Its JSON members: the limiter's names and numbers, none of which needs escaping.
    package var members: String {
        var out = "\"scope\":\"\(scope)\",\"name\":\"\(name)\",\"limit\":\"\(limit)\""
        if let used { out += ",\"used\":\"\(used)\"" }
        if let reserved { out += ",\"reserved\":\"\(reserved)\"" }
        return out
    }
}
