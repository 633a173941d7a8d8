internal import GatewayModel
internal import JSONScan

/// Translates messages with Anthropic's content blocks.
///
/// Tool calls become `tool_calls`, and their results messages of their own.
enum MessageBlocks {
    /// Appends the messages to the list that `out` ends with, comma-separated.
    static func write(_ messages: JSONView, to out: inout [UInt8]) throws(GatewayError) {
        guard messages.kind == .array else { throw InboundChat.invalid("messages", "must be an array") }
        for (at, message) in messages.elements.enumerated() {
            if out.last != UInt8(ascii: "[") { out.append(",") }
            guard let content = message["content"], content.elements.contains(where: needsConversion) else {
                out += message.raw
                continue
            }
            if message["role"]?.isText("assistant") == true {
                try write(assistant: message, content, "messages[\(at)].content", to: &out)
            } else {
                try write(user: message, content, "messages[\(at)].content", to: &out)
            }
        }
    }

    private static func needsConversion(_ part: JSONView) -> Bool {
        part["type"].map(InboundPart.needsConversion) ?? false
    }

    private static func isOf(_ type: StaticString, _ part: JSONView) -> Bool { part["type"]?.isText(type) ?? false }

    /// Text stays content, calls become `tool_calls`, and reasoning is dropped, since it comes from another provider.
    private static func write(
        assistant message: JSONView, _ content: JSONView, _ place: String, to out: inout [UInt8]
    ) throws(GatewayError) {
        let parts = content.elements.enumerated().map { (at: $0, part: $1) }
        let calls = parts.filter { isOf("tool_use", $0.part) }
        let other = parts.filter {
            !isOf("tool_use", $0.part) && !isOf("thinking", $0.part) && !isOf("redacted_thinking", $0.part)
        }
        try begin(message, other, place, dropping: calls.isEmpty ? [] : ["tool_calls"], to: &out)
        if !calls.isEmpty {
            out.append(",\"tool_calls\":[")
            var known: Set<TextKey> = []
            for call in message["tool_calls"].map({ Array($0.elements) }) ?? [] {
                if out.last != UInt8(ascii: "[") { out.append(",") }
                out += call.raw
                if let id = call["id"]?.key { known.insert(id) }
            }
            for (at, call) in calls {
                guard let id = call["id"], id.hasText, let key = id.key else {
                    throw InboundChat.invalid("\(place)[\(at)].id", "must be text")
                }
                // Some histories contain a call in both forms.
                if known.contains(key) { continue }
                guard let name = call["name"], name.hasText else {
                    throw InboundChat.invalid("\(place)[\(at)].name", "must be text")
                }
                if out.last != UInt8(ascii: "[") { out.append(",") }
                writeCall(id, name, call["input"], to: &out)
            }
            out.append("]")
        }
        out.append("}")
    }

    static func writeCall(_ id: JSONView, _ name: JSONView, _ arguments: JSONView?, to out: inout [UInt8]) {
        out.append("{\"id\":")
        out += id.raw
        out.append(#","type":"function","function":{"name":"#)
        out += name.raw
        out.append(",\"arguments\":")
        if let arguments, !arguments.isNull { out.append(asText: arguments) } else { out.append("\"{}\"") }
        out.append("}}")
    }

    /// Results are written first, since they must follow the calls they answer; the rest becomes the user's message.
    private static func write(
        user message: JSONView, _ content: JSONView, _ place: String, to out: inout [UInt8]
    ) throws(GatewayError) {
        var rest: [(at: Int, part: JSONView)] = []
        var images: [(place: String, part: JSONView)] = []
        var isFirst = true
        for (at, part) in content.elements.enumerated() {
            guard isOf("tool_result", part) else {
                rest.append((at, part))
                continue
            }
            if !isFirst { out.append(",") }
            isFirst = false
            images += try write(result: part, "\(place)[\(at)]", to: &out)
        }
        guard isFirst || !rest.isEmpty || !images.isEmpty else { return }
        if !isFirst { out.append(",") }
        try begin(message, rest, place, images: images, to: &out)
        out.append("}")
    }

    /// Writes a result as a `tool` message.
    ///
    /// - Returns: the result's images, which a `tool` message cannot contain.
    private static func write(
        result: JSONView, _ place: String, to out: inout [UInt8]
    ) throws(GatewayError) -> [(place: String, part: JSONView)] {
        guard let id = result["tool_use_id"], id.hasText else {
            throw InboundChat.invalid(place + ".tool_use_id", "must be text")
        }
        out.append(#"{"role":"tool","tool_call_id":"#)
        out += id.raw
        out.append(",\"content\":")
        var images: [(place: String, part: JSONView)] = []
        if let content = result["content"], content.kind == .array {
            var texts: [(at: Int, part: JSONView)] = []
            for (at, part) in content.elements.enumerated() {
                if isOf("image", part) {
                    images.append(("\(place).content[\(at)]", part))
                } else {
                    texts.append((at, part))
                }
            }
            try InboundPart.write(simplest: texts, place + ".content", to: &out)
        } else if let content = result["content"], !content.isNull {
            out.append(asText: content)
        } else {
            out.append("\"\"")
        }
        out.append("}")
        return images
    }

    /// Writes the message with new content and without the named members, up to but excluding its closing brace.
    private static func begin(
        _ message: JSONView, _ parts: [(at: Int, part: JSONView)], _ place: String,
        dropping names: [StaticString] = [], images: [(place: String, part: JSONView)] = [], to out: inout [UInt8]
    ) throws(GatewayError) {
        out.append("{\"content\":")
        if parts.isEmpty, images.isEmpty {
            out.append("null")
        } else if images.isEmpty {
            try InboundPart.write(simplest: parts, place, to: &out)
        } else {
            try InboundPart.write(parts, place, to: &out)
            out.removeLast()
            for image in images {
                if out.last != UInt8(ascii: "[") { out.append(",") }
                try InboundPart.write(image.part, image.place, to: &out)
            }
            out.append("]")
        }
        var members = message.members
        while let (name, value) = members.next() {
            if JSONString.equals(name, "content") || names.contains(where: { JSONString.equals(name, $0) }) { continue }
            out.append(",\"")
            out += name
            out.append("\":")
            out += value.raw
        }
    }
}
