package import GatewayModel
package import JSONScan

/// Translates chat requests in another API's format to OpenAI's chat completions.
///
/// The formats are OpenAI's Responses (`input`, `instructions`, `max_output_tokens`, flat tools) and Anthropic's
/// Messages (tools with `input_schema`, content blocks `tool_use`, `tool_result` and `image`). Cursor and agents send
/// such bodies to `/chat/completions` and expect chat chunks back.
///
/// Values keep their spelling: numbers, schemas and texts are copied, never re-encoded. The body grows only by the
/// names that frame a value, and by the escapes of arguments that become text.
package enum InboundChat {
    /// The result has at most `growthFactor` times the bytes of the body, plus `growthBytes`.
    package static let growthFactor = 4
    package static let growthBytes = 256

    /// Top-level members of a Responses body, which are translated or dropped but never passed on.
    static let ofResponses: [StaticString] = [
        "input", "instructions", "max_output_tokens", "reasoning", "text", "previous_response_id", "conversation",
        "prompt",
        "background", "include", "truncation", "max_tool_calls", "store",
    ]

    /// Translates the body to OpenAI's chat completions.
    ///
    /// - Parameter members: the result of `JSONScanner.members(of: body)`.
    /// - Throws: a 400 that names the faulty member as the caller named it.
    package static func convert(_ body: [UInt8], _ members: [JSONMember]) throws(GatewayError) -> [UInt8] {
        try body.withJSON { bytes throws(GatewayError) in
            var form = InboundBody(bytes, members)
            return try form.result()
        }
    }

    static func invalid(_ param: String, _ what: String) -> GatewayError {
        GatewayError(.invalidRequest, "\(param) \(what).", param: param)
    }
}

/// A body being translated.
private struct InboundBody {
    private let members: [(name: UnsafeBufferPointer<UInt8>, value: JSONView, whole: UnsafeBufferPointer<UInt8>)]
    private var out: [UInt8] = []
    /// Whether `input` holds the messages.
    private let isResponses: Bool

    init(_ bytes: UnsafeBufferPointer<UInt8>, _ members: [JSONMember]) {
        let members = members.map {
            (
                name: UnsafeBufferPointer(rebasing: bytes[$0.name]), value: JSONView(bytes, $0.value),
                whole: UnsafeBufferPointer(rebasing: bytes[$0.whole])
            )
        }
        func has(_ name: StaticString) -> Bool {
            members.contains { JSONString.equals($0.name, name) && !$0.value.isNull }
        }
        self.members = members
        isResponses = !has("messages") && has("input")
        out.reserveCapacity(bytes.count + bytes.count / 4 + 64)
    }

    private func value(_ name: StaticString) -> JSONView? {
        members.first { JSONString.equals($0.name, name) }?.value
    }

    private func has(_ name: StaticString) -> Bool { value(name).map { !$0.isNull } ?? false }

    mutating func result() throws(GatewayError) -> [UInt8] {
        if isResponses { try refuseStoredState() }
        out.append("{")
        for member in members { try convert(member.name, member.value, member.whole) }
        out.append("}")
        return out
    }

    private mutating func convert(
        _ name: UnsafeBufferPointer<UInt8>, _ value: JSONView, _ whole: UnsafeBufferPointer<UInt8>
    ) throws(GatewayError) {
        func named(_ text: StaticString) -> Bool { JSONString.equals(name, text) }
        // `null` counts as absent, and a translated member may need the name.
        guard !value.isNull else { return }
        if named("messages") || named("input") && isResponses {
            try writeMessages(value)
        } else if named("instructions") {
            // Written before the messages.
        } else if named("tools"), value.kind == .array {
            member("tools")
            try InboundTools.write(value, to: &out)
        } else if named("tool_choice") {
            member("tool_choice")
            try InboundTools.write(choice: value, to: &out)
        } else if named("max_output_tokens") {
            if !has("max_completion_tokens") { member("max_completion_tokens", value) }
        } else if named("reasoning"), isResponses || value["effort"]?.kind == .string {
            guard let effort = value["effort"], effort.kind == .string, !has("reasoning_effort") else { return }
            member("reasoning_effort", effort)
        } else if named("text"), value.kind == .object {
            try write(text: value)
        } else if isResponses, InboundChat.ofResponses.contains(where: named) {
            // The remaining members say how a response is stored or reported, which the gateway does not do.
        } else {
            separate()
            out += whole
        }
    }

    private mutating func writeMessages(_ value: JSONView) throws(GatewayError) {
        member("messages")
        out.append("[")
        if let text = self.value("instructions"), !text.isNull {
            guard text.kind == .string else { throw InboundChat.invalid("instructions", "must be text") }
            out.append(#"{"role":"system","content":"#)
            out += text.raw
            out.append("}")
        }
        if isResponses {
            var items = ResponseItems(startingWith: out)
            try items.write(value)
            out = items.finished()
        } else {
            try MessageBlocks.write(value, to: &out)
        }
        out.append("]")
    }

    /// Translates `text` of a Responses body: `format` and `verbosity`.
    private mutating func write(text: JSONView) throws(GatewayError) {
        if let verbosity = text["verbosity"], !verbosity.isNull, !has("verbosity") { member("verbosity", verbosity) }
        guard let format = text["format"], !format.isNull, !has("response_format") else { return }
        guard format.kind == .object else { throw InboundChat.invalid("text.format", "must be an object") }
        guard format["type"]?.isText("json_schema") == true, format["json_schema"] == nil else {
            return member("response_format", format)
        }
        member("response_format")
        out.append(#"{"type":"json_schema","json_schema":{"#)
        out.append(members: ["name", "description", "schema", "strict"], of: format)
        out.append("}}")
    }

    /// Refuses members that need a server which stores conversations.
    private func refuseStoredState() throws(GatewayError) {
        for name: StaticString in ["previous_response_id", "conversation", "prompt"] where has(name) {
            throw InboundChat.invalid(
                "\(name)", "is not supported: the gateway stores no conversations. Send the whole conversation")
        }
        if value("background")?.bool == true {
            throw InboundChat.invalid("background", "is not supported: every response is returned at once")
        }
    }

    private mutating func separate() { if out.last != UInt8(ascii: "{") { out.append(",") } }

    private mutating func member(_ name: StaticString) {
        separate()
        out.append("\"")
        out.append(name)
        out.append("\":")
    }

    private mutating func member(_ name: StaticString, _ value: JSONView) {
        member(name)
        out += value.raw
    }
}
