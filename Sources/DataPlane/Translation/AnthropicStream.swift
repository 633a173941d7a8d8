internal import GatewayModel
internal import JSONScan
internal import PlaneContract
internal import ProviderResponses

/// Translates a streamed Message into chat completion chunks (Anthropic API reference, "Streaming messages").
///
/// `message_start` proves nothing, since an overload error may follow it. So the first chunk is sent with the first
/// block, together with the usage reported before. Only `message_stop` completes the response.
struct AnthropicStream: Sendable {
    private enum Block {
        case text
        case thinking
        /// Its index among the calls, and whether any arguments have arrived.
        case call(index: Int, hasArguments: Bool)
        /// A block that is not passed on.
        case other
    }

    private let identity: ResponseIdentity
    private var model: [UInt8]?
    /// The bytes every chunk begins with, up to its delta.
    private var envelope: [UInt8] = []
    private var usage = AnthropicUsage()
    /// Whether `message_delta` has reported the final usage, which `message_start` cannot know.
    private var hasFinalUsage = false
    private var block: Block?
    private var calls = 0
    private var hasStarted = false
    private var hasRole = false
    private var finish: StaticString?

    init(_ identity: ResponseIdentity) { self.identity = identity }

    mutating func translate(_ data: [UInt8]) -> StreamStep {
        guard let members = try? JSONScanner.members(of: data), let last = members.last else {
            return .broken("an event that is not a JSON object")
        }
        return data.withJSON { bytes in
            guard let start = bytes.firstIndex(of: UInt8(ascii: "{")) else { return .nothing }
            guard let end = bytes[last.value.upperBound...].firstIndex(of: UInt8(ascii: "}")) else { return .nothing }
            return translate(event: JSONView(bytes, start..<(end + 1)), data)
        }
    }

    private mutating func translate(event: JSONView, _ data: [UInt8]) -> StreamStep {
        guard let type = event["type"] else { return .nothing }
        if type.isText("content_block_delta") { return translate(delta: event["delta"]) }
        if type.isText("message_start") { return start(event["message"]) }
        if type.isText("content_block_start") { return begin(event["content_block"]) }
        if type.isText("content_block_stop") { return endBlock() }
        if type.isText("message_delta") {
            if let reported = event["usage"] {
                usage.update(with: reported)
                hasFinalUsage = true
            }
            if let reason = event["delta"]?["stop_reason"], reason.kind == .string {
                finish = AnthropicStop.finishReason(reason)
            }
            return .nothing
        }
        if type.isText("message_stop") { return end() }
        if type.isText("error") {
            let refusal = ProviderRefusal(inBand: data)
            return .failed(refusal, detail: refusal.loggable)
        }
        // `ping`, and event types this version does not know.
        return .nothing
    }

    private mutating func start(_ message: JSONView?) -> StreamStep {
        guard !hasStarted, let message else { return .broken("a second message_start") }
        hasStarted = true
        model = message["model"].flatMap { $0.hasText ? Self.name($0) : nil }
        if let reported = message["usage"] { usage.update(with: reported) }
        return .nothing
    }

    /// The model name as JSON, bounded since every chunk repeats it.
    private static func name(_ model: JSONView) -> [UInt8] {
        guard model.content.count > ProviderResponse.modelBytesMax, let text = model.string else {
            return Array(model.raw)
        }
        return Array(JSONText.quoted(text.truncated(toBytes: ProviderResponse.modelBytesMax)).utf8)
    }

    private mutating func begin(_ content: JSONView?) -> StreamStep {
        guard hasStarted, let content, let type = content["type"] else { return .broken("a block before its message") }
        if type.isText("text") {
            block = .text
            // The block may start with some of its text.
            return content["text"]?.hasText == true ? delta("content", content["text"]) : opened()
        }
        if type.isText("thinking") {
            block = .thinking
            return content["thinking"]?.hasText == true ? delta("reasoning_content", content["thinking"]) : opened()
        }
        guard type.isText("tool_use") else {
            block = .other
            return opened()
        }
        guard calls < ChoiceRepairer.callsMax else { return .broken("more than \(ChoiceRepairer.callsMax) tool calls") }
        // Anthropic's index counts blocks of all kinds, OpenAI's only calls.
        let index = calls
        calls += 1
        block = .call(index: index, hasArguments: false)
        return chunk(
            .object([
                "tool_calls": .array([
                    .object([
                        "index": .number(Int64(index)), "id": content["id"].map(JSONTree.init),
                        "type": .text("function"),
                        "function": .object([
                            "name": content["name"].map(JSONTree.init), "arguments": .text(""),
                        ]),
                    ])
                ])
            ]))
    }

    private mutating func translate(delta value: JSONView?) -> StreamStep {
        guard let value, let type = value["type"] else { return .nothing }
        if type.isText("text_delta") { return delta("content", value["text"]) }
        if type.isText("thinking_delta") { return delta("reasoning_content", value["thinking"]) }
        guard type.isText("input_json_delta"), let piece = value["partial_json"], piece.hasText,
            case .call(let index, _)? = block
        else { return .nothing }
        block = .call(index: index, hasArguments: true)
        return arguments(index, JSONTree(piece))
    }

    private mutating func endBlock() -> StreamStep {
        defer { block = nil }
        guard case .call(let index, hasArguments: false)? = block else { return .nothing }
        return arguments(index, .text("{}"))
    }

    private mutating func end() -> StreamStep {
        guard hasStarted, let finish else { return .broken("message_stop without a stop reason") }
        return chunk(.object([:]), finish: finish, isLast: true)
    }

    private mutating func arguments(_ index: Int, _ text: JSONTree) -> StreamStep {
        chunk(
            .object([
                "tool_calls": .array([
                    .object(["index": .number(Int64(index)), "function": .object(["arguments": text])])
                ])
            ]))
    }

    private mutating func delta(_ name: String, _ text: JSONView?) -> StreamStep {
        guard hasStarted, let text, text.kind == .string else { return .nothing }
        guard hasRole else { return chunk(.object([(name, JSONTree(text))])) }
        // Nearly all chunks take this path, so their bytes are assembled directly.
        if envelope.isEmpty { envelope = makeEnvelope() }
        var out: [UInt8] = []
        out.reserveCapacity(envelope.count + name.utf8.count + text.range.count + 64)
        out += envelope
        out.append("{\"")
        out.append(text: name)
        out.append("\":")
        out += text.raw
        out.append("},\"logprobs\":null,\"finish_reason\":null}]}")
        guard let made = try? ChatChunk(out) else { return .broken("a broken chunk") }
        return .chunk(made)
    }

    private func makeEnvelope() -> [UInt8] {
        let head = JSONTree.object([
            "id": .text(identity.id), "object": .text("chat.completion.chunk"), "created": .number(identity.created),
            "model": model.map { .scalar($0) },
        ])
        return head.bytes.dropLast() + Array(",\"choices\":[{\"index\":0,\"delta\":".utf8)
    }

    /// Emits the first chunk when a block opens without content.
    private mutating func opened() -> StreamStep { hasRole ? .nothing : chunk(.object(["content": .text("")])) }

    private mutating func chunk(_ delta: JSONTree, finish: StaticString? = nil, isLast: Bool = false) -> StreamStep {
        var delta = delta
        let isFirst = !hasRole
        if isFirst {
            hasRole = true
            let content: [(name: String, value: JSONTree)] = delta["content"] == nil ? [("content", .null)] : []
            delta = .object([("role", .text("assistant"))] + content + delta.members)
        }
        let choice = JSONTree.object([
            "index": .number(0), "delta": delta, "logprobs": .null,
            "finish_reason": finish.map { .text("\($0)") } ?? .null,
        ])
        let whole = JSONTree.object([
            "id": .text(identity.id), "object": .text("chat.completion.chunk"), "created": .number(identity.created),
            "model": model.map { .scalar($0) }, "choices": .array([choice]),
            "usage": isFirst || isLast && hasFinalUsage ? usage.openAI : nil,
        ])
        guard var made = try? ChatChunk(whole.bytes) else { return .broken("a broken chunk") }
        made.usageIsPreview = !hasFinalUsage
        return isLast ? .last(made) : .chunk(made)
    }
}
