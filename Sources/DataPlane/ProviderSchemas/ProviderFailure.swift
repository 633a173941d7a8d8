internal import GatewayModel

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

    /// Whether another deployment may be tried.
    package var allowsFallback: Bool {
        switch self {
        case .clientFault, .contextLength, .contentPolicy: false
        case .operatorFault, .modelMissing, .rateLimited, .overloaded, .transient: true
        }
    }

    /// Classifies by status, then by the words of the body.
    package init(status: Int, body: [UInt8]) {
        let message = Self.message(of: body)
        let words = message.lowercased()
        switch status {
        case 429 where words.contains("insufficient_quota") || words.contains("exceeded your current quota"):
            self = .operatorFault
        case 429: self = .rateLimited
        case 401, 402, 403: self = .operatorFault
        case 404: self = .modelMissing
        case 503, 529, 498: self = .overloaded
        case 400, 413, 422: self = Self.fault(message: message, words: words)
        // Redirects are not followed, and a success that is not 200 is none.
        case ..<400, 408, 424, 500...: self = .transient
        default: self = .clientFault(message: message)
        }
    }

    private static let contextPhrases = [
        "context length", "context window", "context size", "prompt is too long", "context_length_exceeded",
        "maximum context",
    ]
    private static let policyPhrases = [
        "content_policy", "content policy", "content_filter", "moderation_blocked", "content management policy",
        "data_inspection_failed",
    ]

    private static func fault(message: String, words: String) -> ProviderFailure {
        if words.contains("api key") || words.contains("api_key") { return .operatorFault }
        if policyPhrases.contains(where: words.contains) { return .contentPolicy(message: message) }
        if contextPhrases.contains(where: words.contains) { return .contextLength(message: message) }
        return .clientFault(message: message)
    }

    /// The text of `error.message`, at most `messageCharactersMax` characters of it.
    private static func message(of body: [UInt8]) -> String {
        let text = (try? ProviderAnswer(body, for: .chat))?.errorMessage ?? "the provider refused the request"
        return String(text.prefix(messageCharactersMax))
    }

    private static let messageCharactersMax = 1000
}
