/// Codes by which vendors name an error, whole and in lower case (`ProviderErrorBody.codes`).
enum OperatorCodes {
    /// The operator's key is refused: some answer 400 (Gemini: `API_KEY_INVALID` in `details`). The sentences are the codes of gRPC
    /// servers in Rust, which xAI's is.
    static let key: Set<String> = [
        "invalid_api_key", "api_key_invalid", "incorrect_api_key", "expired_api_key", "api_key_expired",
        "authentication_error", "invalid_authentication", "invalid_authentication_error", "unauthenticated",
        "permission_error", "permission_denied", "service_disabled", "api_key_service_blocked",
        "the request does not have valid authentication credentials",
        "the caller does not have permission to execute the specified operation",
    ]
    /// The operator's account is empty, unpaid, or not open to this region (Gemini's `FAILED_PRECONDITION`).
    static let quota: Set<String> = [
        "insufficient_quota", "billing_error", "billing_not_active", "billing_hard_limit_reached",
        "insufficient_balance", "account_deactivated", "arrearage", "failed_precondition",
        "exceeded_current_quota_error",
    ]
    /// Groq: the model wrote a call or JSON that could not be read.
    static let brokenOutput: Set<String> = ["tool_use_failed", "json_validate_failed"]

    /// The status that would have gone with an error of these codes; the gravest where there are several.
    static func status(of codes: Set<String>) -> Int? { codes.compactMap { statuses[$0] }.min(by: precedes) }

    /// A particular code beside a general one decides.
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
