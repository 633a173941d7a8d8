internal import GatewayModel
internal import JSONScan
package import ProviderResponses

/// A vendor's variant of a wire format: one row of the table in `Dialect+Table.swift`.
///
/// All OpenAI-compatible vendors share one code path; how they differ is stated here.
package struct Dialect: Sendable {
    /// The implemented wire formats. Gemini's, Bedrock's and OpenAI's Responses would be further cases.
    enum Wire: Sendable {
        case openAI
        /// Anthropic Messages.
        case anthropic
    }

    enum Address: Sendable {
        /// The base URL followed by the operation's path.
        case path
        /// `/deployments/{model}/…?api-version=…`, with the model in the path (Azure).
        case deployments
    }

    /// How the credential is sent.
    package enum Authentication: Sendable {
        /// `Authorization: Bearer …`
        case bearer
        /// A dedicated header, such as `api-key`.
        case header(String)
    }

    enum TokenLimit: Sendable {
        /// `max_completion_tokens` if the model wants it, else `max_tokens`.
        case byModel
        case maxTokens
        /// The only member that bounds thinking too.
        case maxCompletionTokens
        /// `max_tokens` bounds the response and `thinking_budget` the thinking; together they make up the limit.
        case separateThinking
    }

    enum StreamOptions: Sendable {
        /// `include_usage` alone.
        case usageOnly
        /// `include_usage`, and no padding against traffic analysis: TLS is terminated here anyway.
        case withoutPadding
        /// Refused by the vendor, which always sends usage.
        case none
    }

    /// How `prompt_cache_key` is treated, by which a vendor groups prompts with a common prefix.
    enum PromptCacheKey: Sendable {
        /// The vendor has no such member.
        case none
        /// Always sent, with a name that is unique to the org, even if the client sends none.
        case always
        /// Replaced only if the client sends one: the vendor, or an older version of it, may not know the member.
        case replaced
    }

    enum Flattening: Sendable {
        case none
        /// A list that contains only text parts becomes a string.
        case text
    }

    let wire: Wire
    var address = Address.path
    package var authentication = Authentication.bearer
    /// Sent in addition to the credential.
    package var headers: [(name: String, value: String)] = []

    // Requests.
    /// The rules for members of a chat request.
    var chat = MemberRules(pass: NameSet([]))
    /// The rules for all other operations.
    var other = MemberRules(pass: NameSet([]))
    /// OpenAI members that this vendor's reasoning models refuse.
    var refusedByReasoningModels = NameSet([])
    var renames: [(from: StaticString, to: StaticString)] = []
    /// Whether it refuses `null` and empty lists of tools where it expects nothing.
    var dropsEmpty = false
    var tokenLimit = TokenLimit.maxTokens
    var streamOptions = StreamOptions.usageOnly
    var promptCacheKey = PromptCacheKey.none
    var supportsMultipleChoices = true
    var cleansSchemas = false
    /// Whether it supports responses that follow a JSON schema.
    var supportsSchemas = true
    /// Whether it returns images as URLs unless asked for the data.
    var asksForImageData = false
    /// Whether it reads files with programs that are billed separately from tokens.
    var billsFilesSeparately = false
    var messages = MessageRule()

    // Responses.
    package var usage = UsageShape.standard
    /// Whether its models think without showing it: billed output does not appear in the stream.
    var hidesThinking = false
    /// Whether it ends a response that calls tools with `stop`.
    var endsCallsWithStop = false

    func rules(for operation: Operation) -> MemberRules { operation == .chat ? chat : other }
}

/// The form in which a vendor accepts messages.
struct MessageRule: Sendable {
    /// The members that a message may have.
    var fields = NameSet(Fields.message)
    var renamesDeveloper = true
    var flattening = Dialect.Flattening.none
    /// Whether it does not know `cache_control` and `prompt_cache_breakpoint` on parts.
    var stripsCacheMarkers = false
    /// Whether tool call ids must be nine letters or digits.
    var shortensCallIDs = false

    /// Requests whose messages have none of these traits need no rewriting.
    var triggers: MessageTraits {
        var out: MessageTraits = [.otherMembers, .nonstandardParts]
        if !fields.contains("name") { out.insert(.names) }
        if stripsCacheMarkers { out.formUnion([.otherMembers, .parts]) }
        if renamesDeveloper { out.insert(.developerRole) }
        if flattening != .none { out.insert(.parts) }
        if shortensCallIDs { out.insert(.calls) }
        return out
    }
}
