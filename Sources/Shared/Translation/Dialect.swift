package import GatewayModel
internal import JSONScan
package import ProviderSchemas

/// How the vendors of one wire format want it: one row of a table (`Dialect+Table.swift`). All OpenAI-shaped ones share one
/// code path; what differs among them is here.
package struct Dialect: Sendable {
    /// The formats there are code for. Gemini's own, Bedrock's and OpenAI's Responses would be further cases.
    enum Wire: Sendable {
        case openAI
        /// Anthropic Messages.
        case anthropic
    }

    enum Address: Sendable {
        /// The base URL and the path of the operation.
        case path
        /// `/deployments/{model}/…?api-version=…`: the model stands in the path (Azure).
        case deployments
    }

    /// Where the credential goes.
    package enum Authentication: Sendable {
        /// `Authorization: Bearer …`
        case bearer
        /// A header of its own, such as `api-key`.
        case header(String)
    }

    enum TokenLimit: Sendable {
        /// `max_completion_tokens` where the model wants it, else `max_tokens`.
        case byModel
        case maxTokens
        /// Only that one bounds thinking, too.
        case maxCompletionTokens
        /// `max_tokens` bounds the answer and `thinking_budget` the thinking: together they are the limit.
        case apart
    }

    enum StreamOptions: Sendable {
        /// `include_usage` alone.
        case usageOnly
        /// `include_usage`, and no padding against eavesdroppers: TLS ends here anyway.
        case withoutPadding
        /// Refused: usage comes unasked.
        case none
    }

    /// What becomes of `prompt_cache_key`, by which a vendor tells prompts that begin alike apart.
    enum PromptCacheKey: Sendable {
        /// It has none.
        case none
        /// Each org gets names of its own, also where its caller gives none.
        case always
        /// Only where the caller gives one: this vendor, or an older version of it, may not know the member.
        case replaced
    }

    enum Flattening: Sendable {
        case none
        /// A list of nothing but text parts becomes text.
        case text
    }

    package let name: String
    let wire: Wire
    /// What of the gateway's endpoints the vendor has.
    package let operations: Set<Operation>
    var address = Address.path
    package var authentication = Authentication.bearer
    /// Beside the credential.
    package var headers: [(name: String, value: String)] = []

    // Requests.
    /// What becomes of the members of a chat request.
    var chat = MemberRules(pass: NameSet([]))
    /// The same for the other operations.
    var other = MemberRules(pass: NameSet([]))
    /// Members that are refused though OpenAI has them, by models that reason.
    var refusedByReasoners = NameSet([])
    var renames: [(from: StaticString, to: StaticString)] = []
    /// It refuses `null` and empty lists of tools where it wants nothing.
    var dropsBlanks = false
    var tokenLimit = TokenLimit.maxTokens
    var streamOptions = StreamOptions.usageOnly
    var promptCacheKey = PromptCacheKey.none
    var takesSeveralChoices = true
    var cleansSchemas = false
    /// It can hold an answer to a JSON schema.
    var takesSchemas = true
    /// It answers images as URLs unless it is asked for the data.
    var asksForImageData = false
    /// It reads files by programs that are billed apart from tokens.
    var billsFilesApart = false
    var messages = MessageRule()

    // Answers.
    package var usage = UsageShape.asGiven
    /// Its models think without showing it: what they are billed for does not pass.
    var hidesThinking = false
    /// It ends an answer that calls tools with `stop`.
    var endsCallsWithStop = false

    func rules(for operation: Operation) -> MemberRules { operation == .chat ? chat : other }
}

/// What an engine wants of messages.
struct MessageRule: Sendable {
    /// The members a message may have.
    var fields = NameSet(Fields.message)
    var renamesDeveloper = true
    var flattening = Dialect.Flattening.none
    /// `cache_control` and `prompt_cache_breakpoint` on parts are unknown to it.
    var stripsCacheMarkers = false
    /// Ids of tool calls must be nine letters or digits.
    var shortensCallIDs = false

    /// Messages that have none of these pass as they are.
    var triggers: MessageTraits {
        var out: MessageTraits = [.otherMembers, .oddParts]
        if !fields.contains("name") { out.insert(.names) }
        if stripsCacheMarkers { out.formUnion([.otherMembers, .parts]) }
        if renamesDeveloper { out.insert(.developerRole) }
        if flattening != .none { out.insert(.parts) }
        if shortensCallIDs { out.insert(.calls) }
        return out
    }
}
