/// What a provider's error response means for the request.
///
/// A client never gets a provider's 401, 402 or 404 as its own, since those concern the operator.
package enum ProviderFailure: Equatable, Sendable {
    /// The request itself is at fault; other deployments would refuse it too.
    case clientFault(message: String)
    case contextLength(message: String)
    /// The provider's policy refused the content.
    case contentPolicy(message: String)
    /// The operator's credential is refused or out of credit.
    case operatorFault
    /// Like `operatorFault`, but judged only by the message, which may repeat what the client sent.
    ///
    /// The request may go to another deployment, but this one's health is not affected.
    case possibleOperatorFault(message: String)
    case modelMissing
    case rateLimited
    case overloaded
    case transient

    package init(status: Int, body: [UInt8]) { self = ProviderRefusal(status: status, body: body).failure }
}

/// A parsed error response: its meaning, and how long the provider asks to wait in the body.
///
/// What affects other requests (whether a deployment gets a cool-down, and for how long) depends only on the HTTP
/// status and the vendor's error codes (`ProviderErrorBody.codes`), compared whole. The message is only used to
/// classify this request: too long, or against policy.
package struct ProviderRefusal: Equatable, Sendable {
    package var failure: ProviderFailure
    /// Milliseconds, from a member of the body. A header takes precedence.
    package var waitMs: Int64?
    /// Milliseconds, from the message: for this client only, not for the deployment's cool-down.
    package var waitInMessageMs: Int64?
    /// The part that may be logged: the error codes and the message's length.
    ///
    /// The message may repeat what a client sent.
    package var loggable: String

    /// Classifies by status, then by the codes of the body.
    package init(status: Int, body: [UInt8]) { self.init(status: status, ProviderErrorBody(body)) }

    /// Classifies an error within a success: an event of a stream, or the body of a 200.
    package init(inBand body: [UInt8]) {
        let error = ProviderErrorBody(body)
        self.init(
            status: error.status ?? VendorErrorCodes.status(of: error.codes) ?? Self.statusByMessage(error), error)
    }

    private init(status: Int, _ error: ProviderErrorBody) {
        failure = Self.failure(status: status, error)
        waitMs = error.waitMs
        waitInMessageMs = error.waitInMessageMs
        loggable = Self.loggable(error)
    }

    private static let loggedCodesMax = 4
    private static let loggedCodeBytesMax = 40
    private static let codeBytes = Set("abcdefghijklmnopqrstuvwxyz0123456789_-.".utf8)

    /// Leaves out codes that look like text, since a forged error could put anything there.
    private static func loggable(_ error: ProviderErrorBody) -> String {
        let names = error.codes.filter { code in
            (1...loggedCodeBytesMax).contains(code.utf8.count)
                && code.utf8.allSatisfy(codeBytes.contains)
        }
        let shown = names.sorted().prefix(loggedCodesMax)
        let codes = shown.isEmpty ? "no code" : shown.joined(separator: ", ")
        return "\(codes); \(error.message.utf8.count) bytes of text"
    }

    private static func failure(status: Int, _ error: ProviderErrorBody) -> ProviderFailure {
        switch status {
        case 429:
            let isSpent = error.namesDailyQuota || !error.codes.isDisjoint(with: VendorErrorCodes.quota)
            return isSpent ? .operatorFault : .rateLimited
        // Text may spare the deployment: some vendors refuse content and length with a 403.
        case 403 where says(policyPhrases, error) || says(moderationPhrases, error):
            return .contentPolicy(message: error.message)
        case 403 where says(contextPhrases, error): return .contextLength(message: error.message)
        case 401, 402, 403: return .operatorFault
        case 404: return .modelMissing
        case 503, 529, 498: return .overloaded
        case 400, 413, 422: return requestFailure(error)
        // Redirects are not followed, and a success other than 200 is not a response.
        case ..<400, 408, 424, 499, 500...: return .transient
        default: return .clientFault(message: error.message)
        }
    }

    private static func requestFailure(_ error: ProviderErrorBody) -> ProviderFailure {
        if !error.codes.isDisjoint(with: VendorErrorCodes.key.union(VendorErrorCodes.quota)) { return .operatorFault }
        // The model produced a call or JSON that its server could not parse: a retry may succeed.
        if !error.codes.isDisjoint(with: VendorErrorCodes.brokenOutput) { return .transient }
        if says(policyPhrases, error) { return .contentPolicy(message: error.message) }
        if says(contextPhrases, error) { return .contextLength(message: error.message) }
        if !error.namesParameter, operatorSentences.contains(where: error.words.hasPrefix) {
            return .possibleOperatorFault(message: error.message)
        }
        return .clientFault(message: error.message)
    }

    private static func says(_ phrases: [String], _ error: ProviderErrorBody) -> Bool {
        phrases.contains(where: error.words.contains)
    }

    /// The status for an error within a success that has no known code.
    private static func statusByMessage(_ error: ProviderErrorBody) -> Int {
        says(contextPhrases, error) || says(policyPhrases, error) ? 400 : 500
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
    /// Openings of 400s about the operator's account that have no code: xAI's for a bad key, Anthropic's for no credit.
    private static let operatorSentences = ["incorrect api key provided", "your credit balance is too low"]
}
