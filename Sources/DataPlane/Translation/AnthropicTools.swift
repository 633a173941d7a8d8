internal import GatewayModel
internal import JSONScan

/// Tools and the tool choice in Anthropic's format.
struct AnthropicTools {
    private(set) var definitions: JSONTree?
    private(set) var choice: JSONTree?
    /// Whether some tool must be called.
    private(set) var forces = false

    /// - Parameters:
    ///   - usedBefore: names of tools called in the conversation. If there are any, Anthropic requires defined tools.
    ///   - markersLeft: how many more cache markers the request may have.
    init(
        tools: JSONView?, choice: JSONView?, parallel: JSONView?, usedBefore: [String], markersLeft: Int
    ) throws(GatewayError) {
        var defined: [(name: String, tree: JSONTree)] = []
        var markersLeft = markersLeft
        if let tools { _ = try ClientTools.kept(tools, keepsMarkers: true) }
        let requested: [JSONView] = tools.map { Array($0.elements) } ?? []
        for (at, tool) in requested.enumerated() where ClientTools.isClientTool(tool) {
            let definition = try Self.definition(tool, at)
            var tree = definition.tree
            if markersLeft > 0, let marker = AnthropicConversation.cacheMarker(tool) {
                markersLeft -= 1
                tree = tree.setting("cache_control", marker)
            }
            defined.append((definition.name, tree))
        }
        let wasDefined = !defined.isEmpty
        if let allowed = choice?["allowed_tools"], wasDefined {
            let listed = allowed["tools"].map { Array($0.elements) } ?? []
            let names = Set(listed.compactMap { $0["function"]?["name"]?.key })
            defined = defined.filter { names.contains(TextKey($0.name)) }
        }
        if !wasDefined {
            defined = usedBefore.map { name in
                (name, .object(["name": .text(name), "input_schema": Self.anything]))
            }
        }
        guard !defined.isEmpty else { return }
        definitions = .array(defined.map(\.tree))
        guard wasDefined else {
            self.choice = .object(["type": .text("none")])
            return
        }
        let mode = Self.mode(choice)
        forces = mode.0 == "any" || mode.0 == "tool"
        let isSerial = parallel?.bool == false && mode.0 != "none"
        guard choice != nil || isSerial else { return }
        self.choice = .object([
            "type": .text(mode.0), "name": mode.1.map { .text($0) },
            "disable_parallel_tool_use": isSerial ? .bool(true) : nil,
        ])
    }

    private static var anything: JSONTree { .object(["type": .text("object"), "properties": .object([:])]) }

    private static func mode(_ choice: JSONView?) -> (String, String?) {
        guard let choice else { return ("auto", nil) }
        if choice.isText("none") { return ("none", nil) }
        if choice.isText("required") { return ("any", nil) }
        if let name = choice["function"]?["name"]?.string { return ("tool", name) }
        return choice["allowed_tools"]?["mode"]?.isText("required") == true ? ("any", nil) : ("auto", nil)
    }

    private static func definition(_ tool: JSONView, _ at: Int) throws(GatewayError) -> (name: String, tree: JSONTree) {
        guard let function = tool["function"], let name = function["name"]?.string else {
            throw Translator.unsupported(
                "tools[\(at)]", "tools[\(at)] is not a function, and this model accepts only functions.")
        }
        let isStrict = function["strict"]?.bool == true
        var parameters = function["parameters"].flatMap { $0.kind == .object ? schema(JSONTree($0)) : nil }
        // Strict calls are limited to the same schema subset as structured responses.
        if isStrict { parameters = parameters.map(SchemaCleaner.anthropic) }
        return (
            name,
            .object([
                "name": .text(name),
                "description": function["description"].flatMap { $0.hasText ? JSONTree($0) : nil },
                "input_schema": parameters ?? anything, "strict": isStrict ? .bool(true) : nil,
            ])
        )
    }

    /// Makes the root an object without a union: the properties of its alternatives are merged.
    private static func schema(_ schema: JSONTree) -> JSONTree {
        var node = schema
        for name in ["anyOf", "oneOf", "allOf"] {
            guard let parts = node[name] else { continue }
            node = node.without(name)
            var properties = node["properties"]?.members ?? []
            var known = Set(properties.map { TextKey($0.name) })
            for part in parts.elements {
                for property in part["properties"]?.members ?? [] where known.insert(TextKey(property.name)).inserted {
                    properties.append(property)
                }
            }
            node = node.setting("properties", .object(properties))
        }
        return node["type"]?.isText("object") == true ? node : node.setting("type", .text("object"))
    }
}
