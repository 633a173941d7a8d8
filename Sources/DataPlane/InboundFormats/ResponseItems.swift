internal import GatewayModel
internal import JSONScan

/// Translates the items of a Responses `input` to chat messages (OpenAI API reference, "Create a model response").
///
/// Consecutive calls, and the text before them, become one assistant message, since all results must directly follow
/// the message with the calls.
struct ResponseItems {
    private var out: [UInt8]
    /// The pending assistant message: its content as JSON, and its calls so far, comma-separated.
    private var content: [UInt8] = []
    private var calls: [UInt8] = []

    /// - Parameter out: bytes that end with the list's opening bracket or with a message in it.
    init(startingWith out: [UInt8]) { self.out = out }

    mutating func write(_ input: JSONView) throws(GatewayError) {
        if input.kind == .string {
            begin("user")
            out += input.raw
            return out.append("}")
        }
        guard input.kind == .array else { throw InboundChat.invalid("input", "must be text or an array of items") }
        for (at, item) in input.elements.enumerated() { try convert(item, "input[\(at)]") }
        flush()
    }

    func finished() -> [UInt8] { out }

    private mutating func convert(_ item: JSONView, _ place: String) throws(GatewayError) {
        guard item.kind == .object else { throw InboundChat.invalid(place, "must be an object") }
        guard let type = item["type"], !type.isNull, !type.isText("message") else {
            return try convert(message: item, place)
        }
        if type.isText("function_call") {
            try convert(call: item, place, arguments: "arguments")
        } else if type.isText("custom_tool_call") {
            try convert(call: item, place, arguments: "input")
        } else if type.isText("function_call_output") || type.isText("custom_tool_call_output") {
            try convert(output: item, place)
        } else if type.isText("reasoning") {
            // Encrypted for the provider it came from.
        } else {
            throw InboundChat.invalid(
                place + ".type", "must be message, function_call, function_call_output or reasoning")
        }
    }

    private mutating func convert(message: JSONView, _ place: String) throws(GatewayError) {
        guard let role = message["role"], role.hasText else {
            throw InboundChat.invalid(place + ".role", "must be text")
        }
        guard let messageContent = message["content"], !messageContent.isNull else {
            throw InboundChat.invalid(place + ".content", "is required")
        }
        flush()
        if role.isText("assistant") {
            return try InboundPart.write(content: messageContent, place + ".content", to: &content)
        }
        guard role.isText("user") || role.isText("system") || role.isText("developer") else {
            throw InboundChat.invalid(place + ".role", "must be user, assistant, system or developer")
        }
        separate()
        out.append("{\"role\":")
        out += role.raw
        out.append(",\"content\":")
        try InboundPart.write(content: messageContent, place + ".content", to: &out)
        out.append("}")
    }

    private mutating func convert(call: JSONView, _ place: String, arguments: StaticString) throws(GatewayError) {
        guard let id = call["call_id"], id.hasText else {
            throw InboundChat.invalid(place + ".call_id", "must be text")
        }
        guard let name = call["name"], name.hasText else { throw InboundChat.invalid(place + ".name", "must be text") }
        if !calls.isEmpty { calls.append(",") }
        guard call["type"]?.isText("custom_tool_call") == true else {
            return MessageBlocks.writeCall(id, name, call[arguments], to: &calls)
        }
        calls.append("{\"id\":")
        calls += id.raw
        calls.append(#","type":"custom","custom":{"name":"#)
        calls += name.raw
        calls.append(",\"input\":")
        if let text = call[arguments] { calls.append(asText: text) } else { calls.append("\"\"") }
        calls.append("}}")
    }

    private mutating func convert(output: JSONView, _ place: String) throws(GatewayError) {
        guard let id = output["call_id"], id.hasText else {
            throw InboundChat.invalid(place + ".call_id", "must be text")
        }
        flush()
        separate()
        out.append(#"{"role":"tool","tool_call_id":"#)
        out += id.raw
        out.append(",\"content\":")
        switch output["output"] {
        case let value? where value.kind == .array: try InboundPart.write(content: value, place + ".output", to: &out)
        case let value? where !value.isNull: out.append(asText: value)
        default: out.append("\"\"")
        }
        out.append("}")
    }

    private mutating func flush() {
        guard !content.isEmpty || !calls.isEmpty else { return }
        begin("assistant")
        if content.isEmpty { out.append("null") } else { out += content }
        if !calls.isEmpty {
            out.append(",\"tool_calls\":[")
            out += calls
            out.append("]")
        }
        out.append("}")
        content.removeAll(keepingCapacity: true)
        calls.removeAll(keepingCapacity: true)
    }

    private mutating func separate() { if out.last != UInt8(ascii: "[") { out.append(",") } }

    private mutating func begin(_ role: StaticString) {
        separate()
        out.append("{\"role\":\"")
        out.append(role)
        out.append("\",\"content\":")
    }
}
