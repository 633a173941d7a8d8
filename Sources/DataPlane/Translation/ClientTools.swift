internal import GatewayModel
internal import JSONScan

/// Keeps the tools of a request that the client itself runs.
///
/// Those are functions, and custom tools, which are functions of a text.
///
/// All other tools run at the vendor and are billed per call, which no key could be charged for. They are dropped, as
/// clients that send them in every request expect from servers without them. The request is refused if no other tool is
/// left, or if one of them is required.
enum ClientTools {
    /// Whether the client runs it.
    static func isClientTool(_ tool: JSONView) -> Bool {
        guard tool.kind == .object else { return false }
        if let type = tool["type"], !type.isNull, !type.isText("function"), !type.isText("custom") { return false }
        return tool["function"]?.kind == .object || tool["custom"]?.kind == .object
    }

    static func isKnown(_ name: String) -> Bool { name == "type" || name == "function" || name == "custom" }

    private static func isKnown(_ name: UnsafeBufferPointer<UInt8>, keepsMarkers: Bool) -> Bool {
        JSONString.equals(name, "type") || JSONString.equals(name, "function") || JSONString.equals(name, "custom")
            || keepsMarkers && JSONString.equals(name, "cache_control")
    }

    /// - Returns: the remaining tools; `nil` when nothing had to change.
    /// - Throws: 400 when no tool is left.
    static func kept(_ tools: JSONView, keepsMarkers: Bool) throws(GatewayError) -> [UInt8]? {
        var out = Array("[".utf8)
        var hasChanged = false
        var isBlank = true
        for tool in tools.elements {
            isBlank = false
            guard isClientTool(tool) else {
                hasChanged = true
                continue
            }
            var object = ObjectWriter()
            var members = tool.members
            while let (name, value) = members.next() {
                if isKnown(name, keepsMarkers: keepsMarkers) {
                    object.add(name, value, changed: nil)
                } else {
                    object.omit()
                }
            }
            let changed = object.result()
            hasChanged = hasChanged || changed != nil
            if out.count > 1 { out.append(UInt8(ascii: ",")) }
            out += changed ?? Array(tool.raw)
        }
        guard isBlank || out.count > 1 else {
            throw Translator.unsupported(
                "tools",
                "tools has none that the client runs. Tools that a vendor runs, such as web search, are not offered; send"
                    + " functions.")
        }
        out.append(UInt8(ascii: "]"))
        return hasChanged ? out : nil
    }

    /// - Throws: 400 when the choice requires a tool that the vendor runs.
    static func check(choice: JSONView) throws(GatewayError) {
        guard choice.kind == .object, let type = choice["type"], type.kind == .string else { return }
        for known: StaticString in ["function", "custom", "allowed_tools", "auto", "none", "required"]
        where type.isText(known) { return }
        throw Translator.unsupported(
            "tool_choice", "tool_choice names a tool that a vendor runs, which is not offered; name a function.")
    }
}
