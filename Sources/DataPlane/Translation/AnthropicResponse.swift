internal import GatewayModel
internal import JSONScan
internal import PlaneContract
internal import ProviderResponses

/// Translates a complete Message into a chat completion.
enum AnthropicResponse {
    /// - Returns: `nil` when the body is not a Message. An error body is returned unchanged.
    static func translated(_ body: [UInt8], as identity: ResponseIdentity) -> TranslatedResponse? {
        guard let members = try? JSONScanner.members(of: body), !members.isEmpty else { return nil }
        let translated = body.withJSON { bytes -> [UInt8]? in
            guard let start = bytes.firstIndex(of: UInt8(ascii: "{")), let end = bytes.lastIndex(of: UInt8(ascii: "}"))
            else { return nil }
            let message = JSONView(bytes, start..<(end + 1))
            if let error = message["error"], !error.isNull { return body }
            guard message["content"]?.kind == .array else { return nil }
            return completion(message, identity).bytes
        }
        guard let translated, let facts = try? ProviderResponse(translated, for: .chat) else { return nil }
        return TranslatedResponse(body: translated, facts: facts)
    }

    private static func completion(_ message: JSONView, _ identity: ResponseIdentity) -> JSONTree {
        var usage = AnthropicUsage()
        if let reported = message["usage"] { usage.update(with: reported) }
        let choice = JSONTree.object([
            "index": .number(0), "message": answer(message), "logprobs": .null,
            "finish_reason": .text("\(AnthropicStop.finishReason(message["stop_reason"]))"),
        ])
        return .object([
            "id": .text(identity.id), "object": .text("chat.completion"), "created": .number(identity.created),
            "model": message["model"].map(JSONTree.init), "choices": .array([choice]), "usage": usage.openAI,
            "service_tier": message["usage"]?["service_tier"].flatMap { $0.hasText ? JSONTree($0) : nil },
        ])
    }

    private static func answer(_ message: JSONView) -> JSONTree {
        var text: [UInt8] = []
        var thinking: [UInt8] = []
        var calls: [JSONTree] = []
        for block in message["content"].map({ Array($0.elements) }) ?? [] {
            guard let type = block["type"] else { continue }
            if type.isText("text") {
                text += block["text"]?.content ?? UnsafeBufferPointer(start: nil, count: 0)
            } else if type.isText("thinking") {
                thinking += block["thinking"]?.content ?? UnsafeBufferPointer(start: nil, count: 0)
            } else if type.isText("tool_use") {
                calls.append(call(block))
            }
        }
        return .object([
            "role": .text("assistant"),
            "content": text.isEmpty && !calls.isEmpty ? .null : .text(between: text),
            "refusal": .null,
            "reasoning_content": thinking.isEmpty ? nil : .text(between: thinking),
            "tool_calls": calls.isEmpty ? nil : .array(calls),
        ])
    }

    private static func call(_ block: JSONView) -> JSONTree {
        // The input becomes a string of JSON, with its bytes unchanged.
        let input = block["input"].map { String(decoding: $0.raw, as: UTF8.self) } ?? "{}"
        return .object([
            "id": block["id"].map(JSONTree.init), "type": .text("function"),
            "function": .object(["name": block["name"].map(JSONTree.init), "arguments": .text(input)]),
        ])
    }
}
