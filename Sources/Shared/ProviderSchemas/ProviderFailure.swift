/// What an error answer of a provider means for this request. The gateway's caller never sees a provider's 401, 402 or 404
/// as his own: those concern the operator.
package enum ProviderFailure: Equatable, Sendable {
    /// The request itself is at fault; no other engine will like it better.
    case clientFault(message: String)
    case contextLength(message: String)
    /// The provider's policy refused the content.
    case contentPolicy(message: String)
    /// The operator's credential is refused or out of credit.
    case operatorFault
    case modelMissing
    case rateLimited
    case overloaded
    case transient

    package init(status: Int, body: [UInt8]) { self = ProviderRefusal(status: status, body: body).failure }
}

/// An error answer, read: its meaning, and how long the provider asks to wait in the body itself.
package struct ProviderRefusal: Equatable, Sendable {
    package var failure: ProviderFailure
    /// Milliseconds; a header that says so comes first.
    package var waitMs: Int64?

    /// Classifies by status, then by the words of the body.
    package init(status: Int, body: [UInt8]) {
        let error = ProviderErrorBody(body)
        failure = Self.failure(status: status, error)
        waitMs = error.waitMs
    }

    /// Classifies an error that came inside a success: an event of a stream, or the body of a 200.
    package init(inBand body: [UInt8]) {
        let error = ProviderErrorBody(body)
        failure = Self.failure(status: error.status ?? Self.status(of: error.words), error)
        waitMs = error.waitMs
    }

    private static func failure(status: Int, _ error: ProviderErrorBody) -> ProviderFailure {
        func says(_ phrases: [String]) -> Bool { phrases.contains(where: error.words.contains) }
        switch status {
        case 429: return says(quotaPhrases) ? .operatorFault : .rateLimited
        case 403 where says(policyPhrases) || says(moderationPhrases): return .contentPolicy(message: error.message)
        case 401, 402, 403: return .operatorFault
        case 404: return .modelMissing
        case 503, 529, 498: return .overloaded
        case 400, 413, 422:
            if says(keyPhrases) || says(quotaPhrases) { return .operatorFault }
            if says(policyPhrases) { return .contentPolicy(message: error.message) }
            if says(contextPhrases) { return .contextLength(message: error.message) }
            // The model itself wrote a call or JSON that its server could not read: another try may do better.
            return says(brokenPhrases) ? .transient : .clientFault(message: error.message)
        // Redirects are not followed, and a success that is not 200 is none.
        case ..<400, 408, 424, 499, 500...: return .transient
        default: return .clientFault(message: error.message)
        }
    }

    private static let contextPhrases = [
        "context length", "context window", "context size", "prompt is too long", "context_length_exceeded",
        "maximum context", "exceed_context_size", "exceeds the maximum number of tokens", "input is too long",
        "request too large for model", "input token count",
    ]
    private static let policyPhrases = [
        "content_policy", "content policy", "content_filter", "moderation_blocked", "content management policy",
        "data_inspection_failed", "responsibleaipolicyviolation",
    ]
    /// OpenRouter's 403.
    private static let moderationPhrases = ["moderation", "flagged"]
    /// The operator's key: some answer 400 to a bad one (xAI, Gemini).
    private static let keyPhrases = [
        "invalid api key", "incorrect api key", "api key not valid", "api key expired", "api_key_invalid",
        "invalid_api_key", "api key not found",
    ]
    /// The operator's account: empty, unpaid, or at the end of its day.
    private static let quotaPhrases = [
        "insufficient_quota", "exceeded your current quota", "credit balance", "arrearage", "failed_precondition",
        "spend limit", "perday",
    ]
    private static let brokenPhrases = ["tool_use_failed", "json_validate_failed"]

    /// The status that would have gone with an error of these words.
    private static func status(of words: String) -> Int {
        let known: [(String, Int)] = [
            ("overloaded", 529), ("unavailable", 503), ("rate_limit", 429), ("rate limit", 429),
            ("resource_exhausted", 429), ("invalid_request", 400), ("invalid_argument", 400),
            ("badrequesterror", 400), ("exceed_context_size", 400), ("context_length_exceeded", 400),
            ("content_filter", 400), ("authentication", 401), ("permission", 403), ("billing", 402),
            ("insufficient_quota", 429), ("not_found", 404), ("timeout", 504),
        ]
        return known.first { words.contains($0.0) }?.1 ?? 500
    }
}
