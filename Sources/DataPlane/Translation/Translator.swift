package import GatewayModel
internal import JSONScan
package import PlaneContract
internal import ProviderResponses

/// Translates between the client's format, which is OpenAI's, and that of one deployment.
///
/// Requests are translated one way; responses, streams and errors the other.
///
/// Prepared once per deployment of a snapshot and event loop, and shared by all requests to it.
package final class Translator: Sendable {
    package let dialect: Dialect
    let model: ModelEntry
    let upstreamModel: String
    /// The upstream name of the model, as a JSON string.
    package let quotedModel: [UInt8]
    let claude: ClaudeModel

    /// - Parameter upstreamModel: the name of the model at the provider.
    package init(dialect: Dialect, model: ModelEntry, upstreamModel: String) {
        self.dialect = dialect
        self.model = model
        self.upstreamModel = upstreamModel
        quotedModel = Array(JSONText.quoted(upstreamModel).utf8)
        // Only Anthropic's is asked, and to search the name takes a while.
        claude = ClaudeModel(named: dialect.wire == .anthropic ? upstreamModel : "")
    }

    /// The request body for the deployment.
    ///
    /// - Parameters:
    ///   - outputTokens: the limit set by the client or the budget; capped at the model's own limit.
    ///   - promptCacheKey: makes the org's cache key for the vendor from the raw JSON value the client sent, empty if
    ///     none; `nil` to pass the client's own.
    /// - Throws: 400 for what this deployment cannot do, though another one may.
    package func body(
        of request: ClientRequest, outputTokens: Int64?, promptCacheKey: (([UInt8]) -> String)? = nil
    ) throws(GatewayError) -> [UInt8] {
        let limit = outputTokens.map { min($0, model.maxOutputTokens) }
        switch dialect.wire {
        case .openAI: return try openAIBody(of: request, outputTokens: limit, promptCacheKey)
        case .anthropic: return try anthropicBody(of: request, outputTokens: limit ?? model.maxOutputTokens)
        }
    }

    /// Whether output may be billed that does not appear in the stream.
    ///
    /// - Parameter asked: whether the client asks for thinking.
    package func mayHideThinking(whenAsked asked: Bool) -> Bool {
        switch dialect.wire {
        case .openAI: model.wantsMaxCompletionTokens || dialect.hidesThinking
        case .anthropic: claude.thinksByDefault || claude.isUnknown || asked && claude.thinking != .none
        }
    }

    /// Whether its usage reports how many of the cached tokens are kept for an hour.
    package var reportsCacheLifetime: Bool { dialect.wire == .anthropic }

    static var schemasUnsupported: GatewayError {
        unsupported(
            "response_format", "This model does not support JSON schemas; use another model.")
    }

    static var filesUnsupported: GatewayError {
        unsupported(
            "messages",
            "Files for this model are billed separately from tokens, which cannot be charged to a key; send the file's"
                + " text, or its pages as images.")
    }

    static func unsupported(_ param: String, _ message: String) -> GatewayError {
        GatewayError(.invalidRequest, message, detail: "not in the provider's dialect", param: param)
    }
}
