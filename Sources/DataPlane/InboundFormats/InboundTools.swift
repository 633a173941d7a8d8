internal import GatewayModel
package import JSONScan

/// Translates tools and `tool_choice` of Responses (flat tools) and of Anthropic's Messages (`input_schema`).
package enum InboundTools {
    private enum Form { case openAI, flatFunction, flatCustom, anthropic }

    private static func form(of tool: JSONView) -> Form {
        if startsLikeOpenAIs(tool) { return .openAI }
        var type: JSONView?
        var isNamed = false
        var hasSchema = false
        var members = tool.members
        while let (name, value) = members.next() {
            if JSONString.equals(name, "function") || JSONString.equals(name, "custom") { return .openAI }
            if JSONString.equals(name, "type") { type = value }
            if JSONString.equals(name, "name") { isNamed = true }
            if JSONString.equals(name, "input_schema") { hasSchema = true }
        }
        let isPlain = type?.isNull ?? true
        if hasSchema, isPlain || type?.isText("custom") == true { return .anthropic }
        if type?.isText("function") == true { return .flatFunction }
        if type?.isText("custom") == true { return .flatCustom }
        return isPlain && isNamed ? .flatFunction : .openAI
    }

    private static let opening: [StaticString] = [
        "{", "\"type\"", ":", "\"function\"", ",", "\"function\"", ":",
    ]

    /// Whether the tool starts the way nearly all do, in which case its schema, which may be long, need not be scanned.
    private static func startsLikeOpenAIs(_ tool: JSONView) -> Bool {
        let bytes = tool.raw
        var at = 0
        for token in opening {
            while at < bytes.count, bytes[at] <= 0x20 { at += 1 }
            guard bytes.count - at >= token.utf8CodeUnitCount else { return false }
            for offset in 0..<token.utf8CodeUnitCount where bytes[at + offset] != token.utf8Start[offset] {
                return false
            }
            at += token.utf8CodeUnitCount
        }
        return true
    }

    /// Whether any tool is not in the format of OpenAI's chat completions.
    package static func needConversion(_ tools: JSONView) -> Bool {
        tools.elements.contains { form(of: $0) != .openAI }
    }

    static func write(_ tools: JSONView, to out: inout [UInt8]) throws(GatewayError) {
        out.append("[")
        for (at, tool) in tools.elements.enumerated() {
            if at > 0 { out.append(",") }
            let form = form(of: tool)
            guard form != .openAI else {
                out += tool.raw
                continue
            }
            guard tool["name"]?.hasText == true else { throw InboundChat.invalid("tools[\(at)].name", "must be text") }
            switch form {
            case .openAI: break
            case .flatFunction:
                out.append(#"{"type":"function","function":{"#)
                out.append(members: ["name", "description", "parameters", "strict"], of: tool)
            case .flatCustom:
                out.append(#"{"type":"custom","custom":{"#)
                out.append(members: ["name", "description"], of: tool)
                write(format: tool["format"], to: &out)
            case .anthropic:
                out.append(#"{"type":"function","function":{"#)
                out.append(members: ["name", "description"], of: tool)
                if let schema = tool["input_schema"], !schema.isNull {
                    out.append(",\"parameters\":")
                    out += schema.raw
                }
            }
            out.append("}}")
        }
        out.append("]")
    }

    /// Translates the format of a custom tool: chat completions nest a grammar one level deeper.
    private static func write(format: JSONView?, to out: inout [UInt8]) {
        guard let format, !format.isNull else { return }
        out.append(",\"format\":")
        guard format["type"]?.isText("grammar") == true, format["grammar"] == nil else { return out += format.raw }
        out.append(#"{"type":"grammar","grammar":{"#)
        out.append(members: ["syntax", "definition"], of: format)
        out.append("}}")
    }
}

extension InboundTools {
    /// Whether `tool_choice` is an object of Responses or Messages. OpenAI's objects and all strings are not.
    package static func needsConversion(choice: JSONView) -> Bool {
        guard choice.kind == .object, choice["function"] == nil, choice["custom"] == nil else { return false }
        return choice["allowed_tools"] == nil
    }

    static func write(choice: JSONView, to out: inout [UInt8]) throws(GatewayError) {
        guard needsConversion(choice: choice) else { return out += choice.raw }
        guard let type = choice["type"], type.kind == .string else {
            throw InboundChat.invalid("tool_choice.type", "must be text")
        }
        if type.isText("auto") || type.isText("none") || type.isText("required") { return out += type.raw }
        if type.isText("any") { return out.append("\"required\"") }
        if type.isText("allowed_tools") { return try write(allowed: choice, to: &out) }
        guard type.isText("function") || type.isText("tool") || type.isText("custom") else { return out += choice.raw }
        try write(named: choice, "tool_choice", to: &out)
    }

    /// Writes a function or custom tool by its name.
    private static func write(named choice: JSONView, _ place: String, to out: inout [UInt8]) throws(GatewayError) {
        guard choice["name"]?.hasText == true else { throw InboundChat.invalid(place + ".name", "must be text") }
        if choice["type"]?.isText("custom") == true {
            out.append(#"{"type":"custom","custom":{"#)
        } else {
            out.append(#"{"type":"function","function":{"#)
        }
        out.append(members: ["name"], of: choice)
        out.append("}}")
    }

    private static func write(allowed choice: JSONView, to out: inout [UInt8]) throws(GatewayError) {
        out.append(#"{"type":"allowed_tools","allowed_tools":{"mode":"#)
        if let mode = choice["mode"], mode.kind == .string { out += mode.raw } else { out.append("\"auto\"") }
        out.append(",\"tools\":[")
        let tools = choice["tools"].map { Array($0.elements) } ?? []
        for (at, tool) in tools.enumerated() {
            if at > 0 { out.append(",") }
            if tool["name"] == nil {
                out += tool.raw
            } else {
                try write(named: tool, "tool_choice.tools[\(at)]", to: &out)
            }
        }
        out.append("]}}")
    }
}
