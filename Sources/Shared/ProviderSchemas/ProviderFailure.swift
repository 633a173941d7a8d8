/// What an error answer of a provider means for this request. A caller never sees a provider's 401, 402 or 404 as their own: those
/// concern the operator.
package enum ProviderFailure: Equatable, Sendable {
    /// The request itself is at fault; no other deployment will like it better.
    case clientFault(message: String)
    case contextLength(message: String)
    /// The provider's policy refused the content.
    case contentPolicy(message: String)
    /// The operator's credential is refused or out of credit.
    case operatorFault
    /// The same by the message alone, which may repeat what the caller sent: this request may go elsewhere, and the deployment is not
    /// judged by it.
    case perhapsOperatorFault(message: String)
    case modelMissing
    case rateLimited
    case overloaded
    case transient

    package init(status: Int, body: [UInt8]) { self = ProviderRefusal(status: status, body: body).failure }
}

/// An error answer, read: its meaning, and how long the provider asks to wait in the body itself.
///
/// What decides about others (whether a deployment rests, and for how long) is the HTTP status and the members in which the vendor
/// names the error (`ProviderErrorBody.codes`), compared whole. The message only tells this caller's request apart: too long, against
/// the policy.
package struct ProviderRefusal: Equatable, Sendable {
    package var failure: ProviderFailure
    /// Milliseconds, by a member of the body; a header that says so comes first.
    package var waitMs: Int64?
    /// Milliseconds, by the message: for this caller, not for the deployment's rest.
    package var waitInWordsMs: Int64?
    /// What of it may be logged: the vendor's names for the error, and how long its message is. The message may repeat what a caller sent.
    package var loggable: String

    /// Classifies by status, then by the codes of the body.
    package init(status: Int, body: [UInt8]) { self.init(status: status, ProviderErrorBody(body)) }

    /// Classifies an error that came inside a success: an event of a stream, or the body of a 200.
    package init(inBand body: [UInt8]) {
        let error = ProviderErrorBody(body)
        self.init(status: error.status ?? OperatorCodes.status(of: error.codes) ?? Self.statusByWords(error), error)
    }

    private init(status: Int, _ error: ProviderErrorBody) {
        failure = Self.failure(status: status, error)
        waitMs = error.waitMs
        waitInWordsMs = error.waitInWordsMs
        loggable = Self.loggable(error)
    }

    private static let loggedCodesMax = 4
    private static let loggedCodeBytesMax = 40
    private static let codeBytes = Set("abcdefghijklmnopqrstuvwxyz0123456789_-.".utf8)

    /// A code that looks like text is left out: who forges an error may write anything there.
    private static func loggable(_ error: ProviderErrorBody) -> String {
        let names = error.codes.filter { code in
            (1...loggedCodeBytesMax).contains(code.utf8.count)
                && code.utf8.allSatisfy(codeBytes.contains)
        }
        let shown = names.sorted().prefix(loggedCodesMax)
        let told = shown.isEmpty ? "no code" : shown.joined(separator: ", ")
        return "\(told); \(error.message.utf8.count) bytes of text"
    }

    private static func failure(status: Int, _ error: ProviderErrorBody) -> ProviderFailure {
        switch status {
        case 429:
            let isSpent = error.namesDailyQuota || !error.codes.isDisjoint(with: OperatorCodes.quota)
            return isSpent ? .operatorFault : .rateLimited
        // What spares the deployment may go by words: some refuse content and length with a 403.
        case 403 where says(policyPhrases, error) || says(moderationPhrases, error):
            return .contentPolicy(message: error.message)
        case 403 where says(contextPhrases, error): return .contextLength(message: error.message)
        case 401, 402, 403: return .operatorFault
        case 404: return .modelMissing
        case 503, 529, 498: return .overloaded
        case 400, 413, 422: return requestFailure(error)
        // Redirects are not followed, and a success other than 200 is no answer.
        case ..<400, 408, 424, 499, 500...: return .transient
        default: return .clientFault(message: error.message)
        }
    }

    private static func requestFailure(_ error: ProviderErrorBody) -> ProviderFailure {
        if !error.codes.isDisjoint(with: OperatorCodes.key.union(OperatorCodes.quota)) { return .operatorFault }
        // The model itself wrote a call or JSON that its server could not read: another try may do better.
        if !error.codes.isDisjoint(with: OperatorCodes.brokenOutput) { return .transient }
        if says(policyPhrases, error) { return .contentPolicy(message: error.message) }
        if says(contextPhrases, error) { return .contextLength(message: error.message) }
        if !error.namesParameter, operatorSentences.contains(where: error.words.hasPrefix) {
            return .perhapsOperatorFault(message: error.message)
        }
        return .clientFault(message: error.message)
    }

    private static func says(_ phrases: [String], _ error: ProviderErrorBody) -> Bool {
        phrases.contains(where: error.words.contains)
    }

    /// Of an error inside a success that names no code we know.
    private static func statusByWords(_ error: ProviderErrorBody) -> Int {
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
    /// How the 400s begin that name the operator's account in no code: xAI's of a bad key, Anthropic's of an empty account.
    private static let operatorSentences = ["incorrect api key provided", "your credit balance is too low"]
}
