internal import Admission
internal import GatewayModel
internal import JSONScan
internal import PlaneContract
internal import Routing

/// A chat completion request that passed parsing: its bytes, and what the gateway reads of them.
struct ChatRequest: Sendable {
    static let modelBytesMax = 256
    static let messagesMax = 10_000
    static let choicesMax: Int64 = 128

    let body: [UInt8]
    let members: [JSONMember]
    private(set) var model = ""
    private(set) var streams = false
    /// The caller asked for the usage of a stream.
    private(set) var wantsUsage = false
    private(set) var size = RequestSize(textBytes: 0, images: 0, outputTokensMax: nil, choices: 1)
    private(set) var facts = RouteFacts(hasImages: false, hasTools: false)
    private(set) var streamOptions: Range<Int>?
    private var maxTokens: Int64?
    private var maxCompletionTokens: Int64?
    private var hasMessages = false

    init(_ body: [UInt8]) throws(GatewayError) {
        self.body = body
        do throws(JSONFlaw) {
            members = try JSONScanner.members(of: body)
        } catch {
            throw Self.error(for: error)
        }
        size.textBytes = Int64(body.count)
        let members = self.members
        try body.withJSON { bytes throws(GatewayError) in
            for member in members {
                let name = JSONString.unescaped(UnsafeBufferPointer(rebasing: bytes[member.name]))
                try read(name, JSONView(bytes, member.value))
            }
        }
        guard !model.isEmpty else { throw Self.invalid("model", "The request names no model.") }
        guard hasMessages else { throw Self.invalid("messages", "The request has no messages.") }
        if !streams, streamOptions != nil {
            throw Self.invalid("stream_options", "stream_options is allowed only together with \"stream\": true.")
        }
        size.outputTokensMax = maxCompletionTokens ?? maxTokens
    }

    /// Whether the hold starts with a slice and grows: for streams, whose output can be counted as it passes. Models that
    /// think unseen are billed for what never passes: those are held for whole.
    func growsOn(_ model: ModelEntry) -> Bool { streams && !model.wantsMaxCompletionTokens }

    private mutating func read(_ name: String, _ value: JSONView) throws(GatewayError) {
        switch name {
        case "model": model = try Self.modelName(value)
        case "messages": try read(messages: value)
        case "stream": streams = try Field.flag(name, value)
        case "stream_options": try read(streamOptions: value)
        case "max_tokens": maxTokens = try Field.whole(name, value, 1...Int64(Int32.max))
        case "max_completion_tokens": maxCompletionTokens = try Field.whole(name, value, 1...Int64(Int32.max))
        case "n": size.choices = try Field.whole(name, value, 1...Self.choicesMax) ?? 1
        case "temperature": try Field.real(name, value, 0...2)
        case "top_p": try Field.real(name, value, 0...1)
        case "presence_penalty", "frequency_penalty": try Field.real(name, value, -2...2)
        case "logprobs": _ = try Field.flag(name, value)
        case "top_logprobs": _ = try Field.whole(name, value, 0...20)
        case "seed": _ = try Field.whole(name, value, .min ... .max)
        case "tools":
            guard value.isNull || value.kind == .array else { throw Self.invalid(name, "tools must be an array.") }
            facts.hasTools = !value.isEmpty
        // Members by which a caller could steer where a request goes or with whose key.
        case "api_base", "base_url", "api_key", "user_config", "extra_headers":
            throw Self.invalid(name, "'\(name)' is not accepted: the gateway alone decides where a request goes.")
        default: break
        }
    }

    private mutating func read(streamOptions value: JSONView) throws(GatewayError) {
        guard !value.isNull else { return }
        guard value.kind == .object else { throw Self.invalid("stream_options", "stream_options must be an object.") }
        streamOptions = value.range
        guard let asked = value["include_usage"] else { return }
        wantsUsage = try Field.flag("stream_options.include_usage", asked)
    }

    private mutating func read(messages value: JSONView) throws(GatewayError) {
        guard value.kind == .array else { throw Self.invalid("messages", "messages must be an array.") }
        var reader = MessageReader()
        for message in value.elements {
            guard reader.count < Self.messagesMax else { break }
            try reader.read(message)
        }
        guard reader.count > 0, value.range.count > 2, reader.count < Self.messagesMax || Self.isAll(value) else {
            throw Self.invalid("messages", "messages must hold 1 to \(Self.messagesMax) messages.")
        }
        hasMessages = true
        facts.hasImages = reader.images > 0
        size.images = reader.images
        size.textBytes -= reader.dataBytes
    }

    private static func isAll(_ messages: JSONView) -> Bool {
        messages.elements.prefix(messagesMax + 1).reduce(0) { count, _ in count + 1 } <= messagesMax
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

    private static func error(for flaw: JSONFlaw) -> GatewayError {
        switch flaw {
        case .empty: GatewayError(.invalidRequest, "The request has no body; a JSON object is expected.")
        case .syntax(let at): GatewayError(.invalidRequest, "The body is not valid JSON (at byte \(at)).")
        case .tooDeep: GatewayError(.invalidRequest, "The body is nested deeper than \(JSONScanner.depthMax) levels.")
        case .duplicateKey(let name, let depth):
            GatewayError(
                .invalidRequest, "The body has the member '\(name.prefix(64))' twice in one object.",
                param: depth == 1 ? String(name.prefix(64)) : nil)
        case .tooManyMembers: GatewayError(.invalidRequest, "The body has too many members.")
        case .notAnObject: GatewayError(.invalidRequest, "The body must be a JSON object.")
        }
    }
}

/// Single values of a request; `null` counts as absent.
enum Field {
    static func flag(_ name: String, _ value: JSONView) throws(GatewayError) -> Bool {
        if value.isNull { return false }
        guard let flag = value.bool else { throw ChatRequest.invalid(name, "\(name) must be true or false.") }
        return flag
    }

    static func whole(_ name: String, _ value: JSONView, _ range: ClosedRange<Int64>) throws(GatewayError) -> Int64? {
        if value.isNull { return nil }
        guard let number = value.integer, range.contains(number) else {
            throw ChatRequest.invalid(
                name, "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    static func real(_ name: String, _ value: JSONView, _ range: ClosedRange<Double>) throws(GatewayError) {
        if value.isNull { return }
        guard let number = value.double, range.contains(number) else {
            throw ChatRequest.invalid(name, "\(name) must be a number from \(range.lowerBound) to \(range.upperBound).")
        }
    }
}
