/// The codes vendors use for errors, complete and in lower case (`ProviderErrorBody.codes`).
enum VendorErrorCodes {
    /// The operator's key is refused. Some vendors answer 400 (Gemini: `API_KEY_INVALID` in `details`).
    ///
    /// The sentences are status texts of gRPC servers in Rust, such as xAI's.
    static let key: Set<String> = [
        "invalid_api_key", "api_key_invalid", "incorrect_api_key", "expired_api_key", "api_key_expired",
        "authentication_error", "invalid_authentication", "invalid_authentication_error", "unauthenticated",
        "permission_error", "permission_denied", "service_disabled", "api_key_service_blocked",
        "the request does not have valid authentication credentials",
        "the caller does not have permission to execute the specified operation",
    ]
    /// The operator's account is empty, unpaid, or not available in this region (Gemini's `FAILED_PRECONDITION`).
    static let quota: Set<String> = [
        "insufficient_quota", "billing_error", "billing_not_active", "billing_hard_limit_reached",
        "insufficient_balance", "account_deactivated", "arrearage", "failed_precondition",
        "exceeded_current_quota_error",
    ]
    /// Groq: the model produced a call or JSON that could not be parsed.
    static let brokenOutput: Set<String> = ["tool_use_failed", "json_validate_failed"]

    /// The HTTP status that matches these codes; if several match, a specific one rather than 400.
    static func status(of codes: Set<String>) -> Int? { codes.compactMap { statuses[$0] }.min(by: precedes) }

    /// A specific code takes precedence over the general 400, then the lower status.
    private static func precedes(_ a: Int, _ b: Int) -> Bool { (a == 400 ? 1 : 0, a) < (b == 400 ? 1 : 0, b) }

    private static let statuses: [String: Int] = [
        "overloaded_error": 529, "overloaded": 529, "unavailable": 503, "unavailable_error": 503,
        "service_unavailable": 503, "service_unavailable_error": 503, "server_overloaded": 503,
        "engine_overloaded": 503,
        "the service is currently unavailable": 503, "rate_limit_error": 429, "rate_limit_exceeded": 429,
        "rate_limited": 429, "resource_exhausted": 429, "insufficient_quota": 429,
        "some resource has been exhausted": 429, "invalid_request_error": 400, "invalid_argument": 400,
        "badrequesterror": 400, "context_length_exceeded": 400, "exceed_context_size_error": 400,
        "content_filter": 400, "invalid_prompt": 400, "client specified an invalid argument": 400,
        "authentication_error": 401, "invalid_api_key": 401, "unauthenticated": 401,
        "the request does not have valid authentication credentials": 401, "permission_error": 403,
        "permission_denied": 403, "the caller does not have permission to execute the specified operation": 403,
        "billing_error": 402, "not_found_error": 404, "not_found": 404, "model_not_found": 404,
        "some requested entity was not found": 404, "timeout_error": 504, "deadline_exceeded": 504,
    ]
}
