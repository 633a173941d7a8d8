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
    /// Members by which a caller could steer where a request goes or with whose key.
    static let unsafeNames: Set<String> = ["api_base", "base_url", "api_key", "user_config", "extra_headers"]

    let body: [UInt8]
    let members: [JSONMember]
    private(set) var model = ""
    private(set) var streams = false
    /// The caller asked for the usage of a stream.
    private(set) var wantsUsage = false
    private(set) var size = RequestSize(textBytes: 0, images: 0, outputTokensMax: nil, choices: 1)
    private(set) var facts = RouteFacts(hasImages: false, hasTools: false)
    private var maxTokens: Int64?
    private var maxCompletionTokens: Int64?

    init(_ body: [UInt8]) throws(GatewayError) {
        self.body = body
        do throws(JSONFlaw) {
            members = try JSONScanner.members(of: body)
        } catch {
            throw Self.error(for: error)
        }
        size.textBytes = Int64(body.count)
        for member in members { try read(member.name, JSONView(body, member.value)) }
        guard !model.isEmpty else { throw Self.invalid("model", "The request names no model.") }
        guard members.contains(where: { $0.name == "messages" }) else {
            throw Self.invalid("messages", "The request has no messages.")
        }
        if !streams, let options = value("stream_options"), !options.isNull {
            throw Self.invalid("stream_options", "stream_options is allowed only together with \"stream\": true.")
        }
        size.outputTokensMax = maxCompletionTokens ?? maxTokens
    }

    private func value(_ name: String) -> JSONView? {
        members.first { $0.name == name }.map { JSONView(body, $0.value) }
    }

    private mutating func read(_ name: String, _ value: JSONView) throws(GatewayError) {
        switch name {
        case "model": model = try Self.modelName(value)
        case "messages": try read(messages: value)
        case "stream":
            guard value.isNull || value.kind == .bool else { throw Self.invalid(name, "stream must be true or false.") }
            streams = value.bool ?? false
        case "stream_options": try read(streamOptions: value)
        case "max_tokens": maxTokens = try Self.count(name, value, 1...Int64(Int32.max))
        case "max_completion_tokens": maxCompletionTokens = try Self.count(name, value, 1...Int64(Int32.max))
        case "n": size.choices = try Self.count(name, value, 1...Self.choicesMax) ?? 1
        case "tools": facts.hasTools = value.elementCount > 0
        default:
            if Self.unsafeNames.contains(name) {
                throw Self.invalid(name, "'\(name)' is not accepted: the gateway alone decides where a request goes.")
            }
        }
    }

    private mutating func read(streamOptions value: JSONView) throws(GatewayError) {
        guard !value.isNull else { return }
        guard value.kind == .object else { throw Self.invalid("stream_options", "stream_options must be an object.") }
        guard let asked = value["include_usage"], !asked.isNull else { return }
        guard let flag = asked.bool else {
            throw Self.invalid("stream_options.include_usage", "include_usage must be true or false.")
        }
        wantsUsage = flag
    }

    private mutating func read(messages value: JSONView) throws(GatewayError) {
        guard value.kind == .array else { throw Self.invalid("messages", "messages must be an array.") }
        var at = 0
        var flaw: GatewayError?
        var images: Int64 = 0
        var dataBytes: Int64 = 0
        value.forEachElement { message in
            if flaw == nil, message["role"]?.hasText != true {
                flaw = Self.invalid("messages[\(at)].role", "Each message is an object with a role.")
            }
            at += 1
            message["content"]?.forEachElement { part in
                guard let image = part["image_url"] else { return }
                images += 1
                let url = image["url"] ?? image
                if url.string?.hasPrefix("data:") == true { dataBytes += Int64(url.range.count) }
            }
        }
        if let flaw { throw flaw }
        guard (1...Self.messagesMax).contains(at) else {
            throw Self.invalid("messages", "messages must hold 1 to \(Self.messagesMax) messages.")
        }
        facts.hasImages = images > 0
        size.images = images
        size.textBytes -= dataBytes
    }

    private static func modelName(_ value: JSONView) throws(GatewayError) -> String {
        guard let name = value.string, !name.isEmpty, name.utf8.count <= modelBytesMax,
            !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f })
        else { throw invalid("model", "model must be a name of 1 to \(modelBytesMax) bytes.") }
        return name
    }

    private static func count(
        _ name: String, _ value: JSONView, _ range: ClosedRange<Int64>
    ) throws(GatewayError) -> Int64? {
        if value.isNull { return nil }
        guard let number = value.integer, range.contains(number) else {
            throw invalid(name, "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    private static func invalid(_ param: String, _ message: String) -> GatewayError {
        GatewayError(.invalidRequest, message, param: param)
    }

    private static func error(for flaw: JSONFlaw) -> GatewayError {
        switch flaw {
        case .empty: GatewayError(.invalidRequest, "The request has no body; a JSON object is expected.")
        case .syntax(let at): GatewayError(.invalidRequest, "The body is not valid JSON (at byte \(at)).")
        case .tooDeep: GatewayError(.invalidRequest, "The body is nested deeper than \(JSONScanner.depthMax) levels.")
        case .duplicateKey(let name):
            GatewayError(
                .invalidRequest, "The body has the member '\(name.prefix(64))' twice.", param: String(name.prefix(64)))
        case .tooManyMembers: GatewayError(.invalidRequest, "The body has too many members.")
        case .notAnObject: GatewayError(.invalidRequest, "The body must be a JSON object.")
        }
    }
}

extension ChatRequest {
    /// The body for one deployment: the caller's bytes with the model's name there, for a stream the usage asked for, and
    /// the output limit under the one name this provider reads, so that it cannot read a larger one than was held for.
    func body(for target: RouteTarget) -> [UInt8] {
        var splice = JSONSplice(body, members)
        splice.set("model", json: JSONText.quoted(target.deployment.upstreamModel))
        if streams { splice.set("stream_options", json: optionsWithUsage) }
        if let limit = size.outputTokensMax {
            let names = ["max_tokens", "max_completion_tokens"]
            let wanted = target.model.wantsMaxCompletionTokens ? names[1] : names[0]
            splice.set(wanted, json: String(min(limit, target.model.maxOutputTokens)))
            for name in names where name != wanted { splice.remove(name) }
        }
        return splice.result()
    }

    private var optionsWithUsage: String {
        guard let options = value("stream_options"), options.kind == .object else { return #"{"include_usage":true}"# }
        let bytes = Array(body[options.range])
        guard let inner = try? JSONScanner.members(of: bytes) else { return #"{"include_usage":true}"# }
        var splice = JSONSplice(bytes, inner)
        splice.set("include_usage", json: "true")
        return String(decoding: splice.result(), as: UTF8.self)
    }
}
