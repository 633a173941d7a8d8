internal import Admission
internal import GatewayModel
internal import InboundFormats
internal import JSONScan
internal import PlaneContract
internal import Routing
internal import Translation

/// A parsed and validated inference request: its bytes and what the gateway reads of them. One type for all operations;
/// each operation's members are read in a file of its own.
struct InferenceRequest: Sendable {
    static let modelBytesMax = 256
    static let choicesMax: Int64 = 128

    let operation: Operation
    let body: [UInt8]
    let members: [JSONMember]
    private(set) var model = ""
    var streams = false
    /// The caller asked for the usage of a stream.
    var wantsUsage = false
    var size = RequestSize(textBytes: 0, images: 0, outputTokensMax: nil, choices: 1)
    var facts: RouteFacts
    var traits = MessageTraits(rawValue: 0)
    var hasStreamOptions = false
    var maxTokens: Int64?
    var maxCompletionTokens: Int64?
    /// Whether there is any input: messages, a prompt, an input.
    var hasInput = false
    /// The caller asks the model to reason before it answers.
    var asksToThink = false
    /// Embeddings are returned as base64 (`true`) or as numbers.
    var wantsBase64 = false

    /// Some of it is in another API's format (`InboundChat`). `hasForeignInput` only matters without messages.
    var isForeign = false
    var hasForeignInput = false
    /// The place of the first part that only another API has.
    var foreignPart: String?

    init(_ body: [UInt8], for operation: Operation) throws(GatewayError) {
        try self.init(reading: body, for: operation)
        if isForeign || hasForeignInput && !hasInput { self = try inOpenAIForm() }
        try check()
    }

    /// The same request in OpenAI's format, which is what is counted, held for and sent from here on.
    private func inOpenAIForm() throws(GatewayError) -> InferenceRequest {
        let form = try InboundChat.convert(body, members)
        do throws(GatewayError) {
            let request = try InferenceRequest(reading: form, for: operation)
            // A part that is invalid where it stands, such as a tool call in a user's message.
            if let place = request.foreignPart {
                throw Self.invalid(place + ".type", "\(place).type does not belong here.")
            }
            return request
        } catch {
            var error = error
            // The caller did not send the messages that were built from `input`.
            if !hasInput, error.param?.hasPrefix("messages") == true { error.param = "input" }
            throw error
        }
    }

    private init(reading body: [UInt8], for operation: Operation) throws(GatewayError) {
        self.operation = operation
        self.body = body
        facts = RouteFacts(operation: operation)
        do throws(JSONError) {
            members = try JSONScanner.members(of: body)
        } catch {
            throw Self.error(for: error)
        }
        size.textBytes = Int64(body.count) + body.withUnsafeBufferPointer(NormalisedText.growth)
        if operation == .image { size.imageSpec = RequestSize.ImageSpec() }
        let members = self.members
        try body.withJSON { bytes throws(GatewayError) in
            for member in members {
                let name = JSONString.unescaped(UnsafeBufferPointer(rebasing: bytes[member.name]))
                try read(name, JSONView(bytes, member.value))
            }
        }
    }

    /// The request as translators see it.
    var given: ClientRequest {
        ClientRequest(
            operation: operation, body: body, members: members, streams: streams, choices: size.choices, traits: traits)
    }

    private mutating func read(_ name: String, _ value: JSONView) throws(GatewayError) {
        switch name {
        case "model": model = try Self.modelName(value)
        // Members with which a caller could change where a request goes, or with whose key.
        case "api_base", "base_url", "api_key", "user_config", "extra_headers":
            throw Self.invalid(name, "'\(name)' is not accepted: the gateway alone decides where a request goes.")
        default:
            switch operation {
            case .chat: try read(chat: name, value)
            case .completion: try read(completion: name, value)
            case .embedding: try read(embedding: name, value)
            case .image: try read(image: name, value)
            }
        }
    }

    private mutating func check() throws(GatewayError) {
        guard !model.isEmpty else { throw Self.invalid("model", "The request names no model.") }
        let input =
            switch operation {
            case .chat: "messages"
            case .completion, .image: "prompt"
            case .embedding: "input"
            }
        guard hasInput else { throw Self.invalid(input, "The request has no \(input).") }
        if !streams, hasStreamOptions {
            throw Self.invalid("stream_options", "stream_options is allowed only together with \"stream\": true.")
        }
        switch operation {
        case .chat: size.outputTokensMax = maxCompletionTokens ?? maxTokens
        case .completion: finishCompletion()
        case .embedding: size.outputTokensMax = 0
        case .image: break
        }
    }

    private static func modelName(_ value: JSONView) throws(GatewayError) -> String {
        guard value.content.count <= modelBytesMax * 6, let name = value.string, !name.isEmpty,
            name.utf8.count <= modelBytesMax, !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f })
        else { throw invalid("model", "model must be a name of 1 to \(modelBytesMax) bytes.") }
        return name
    }

    static func invalid(_ param: String, _ message: String) -> GatewayError {
        GatewayError(.invalidRequest, message, param: param)
    }

    private static func error(for flaw: JSONError) -> GatewayError {
        switch flaw {
        case .empty: GatewayError(.invalidRequest, "The request has no body; a JSON object is expected.")
        case .syntax(let at): GatewayError(.invalidRequest, "The body is not valid JSON (at byte \(at)).")
        case .tooDeep: GatewayError(.invalidRequest, "The body is nested deeper than \(JSONScanner.depthMax) levels.")
        case .duplicateKey(let name, let depth):
            GatewayError(
                .invalidRequest, "The body has the member '\(name.truncated(toBytes: 64))' twice in one object.",
                param: depth == 1 ? name.truncated(toBytes: 64) : nil)
        case .tooManyMembers: GatewayError(.invalidRequest, "The body has too many members.")
        case .notAnObject: GatewayError(.invalidRequest, "The body must be a JSON object.")
        }
    }
}
