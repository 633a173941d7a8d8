/// The subset of OpenAPI 3.0 that Gemini reads.
struct GeminiSchemaCleaner {
    let root: JSONTree
    /// References being followed: one that leads back into itself is cut.
    private var open: Set<String> = []
    private var nodes = 0

    init(root: JSONTree) { self.root = root }

    private static var anyObject: JSONTree { .object(["type": .text("object")]) }

    /// What may stand in a schema. A property may have any name: these are keywords only.
    private static let kept: Set<String> = [
        "type", "format", "title", "description", "nullable", "enum", "items", "properties", "required", "minItems",
        "maxItems", "minLength", "maxLength", "pattern", "minimum", "maximum", "minProperties", "maxProperties",
        "anyOf", "propertyOrdering", "default", "example",
    ]
    private static let formats: Set<String> = ["enum", "date-time", "int32", "int64", "float", "double"]

    mutating func cleaned(_ schema: JSONTree, depth: Int) -> JSONTree {
        nodes += 1
        guard schema.isObject, depth < SchemaCleaner.depthMax, nodes < SchemaCleaner.nodesMax else {
            return Self.anyObject
        }
        if let reference = schema["$ref"]?.string { return followed(reference, beside: schema, depth) }
        var node = merged(schema)
        node = withoutNull(node, depth)
        var out: [(name: String, value: JSONTree)] = []
        for (name, value) in node.members where Self.kept.contains(name) {
            switch name {
            case "properties":
                out.append((name, .object(value.members.map { ($0.name, cleaned($0.value, depth: depth + 1)) })))
            case "items": out.append((name, cleaned(value, depth: depth + 1)))
            case "anyOf": out.append((name, .array(value.elements.map { cleaned($0, depth: depth + 1) })))
            case "format": if let format = value.string, Self.formats.contains(format) { out.append((name, value)) }
            case "required": break
            default: out.append((name, value))
            }
        }
        return completed(.object(out), required: node["required"])
    }

    private mutating func followed(_ reference: String, beside schema: JSONTree, _ depth: Int) -> JSONTree {
        guard !open.contains(reference), let target = resolve(reference) else { return Self.anyObject }
        open.insert(reference)
        defer { open.remove(reference) }
        var out = cleaned(target, depth: depth + 1)
        if let description = schema["description"] { out = out.setting("description", description) }
        return out
    }

    /// A pointer into the same document (RFC 6901): `#/$defs/Name`.
    private func resolve(_ reference: String) -> JSONTree? {
        guard reference.hasPrefix("#") else { return nil }
        var node = root
        for step in reference.dropFirst().split(separator: "/") {
            let name = String(step.replacing("~1", with: "/").replacing("~0", with: "~"))
            guard let next = node[name] else { return nil }
            node = next
        }
        return node
    }

    /// `allOf` merged in, `oneOf` as `anyOf`, `const` as an enumeration.
    private func merged(_ schema: JSONTree) -> JSONTree {
        var node = schema
        if let parts = schema["allOf"] {
            node = node.without("allOf")
            for part in parts.elements {
                let whole = part["$ref"]?.string.flatMap(resolve) ?? part
                for (name, value) in whole.members { node = Self.merge(name, value, into: node) }
            }
        }
        if let choices = node["oneOf"] { node = node.without("oneOf").setting("anyOf", choices) }
        if let constant = node["const"] { node = node.without("const").setting("enum", .array([constant])) }
        return node
    }

    private static func merge(_ name: String, _ value: JSONTree, into node: JSONTree) -> JSONTree {
        guard let there = node[name] else { return node.setting(name, value) }
        switch name {
        case "properties":
            return node.setting(name, .object(there.members + value.members.filter { there[$0.name] == nil }))
        case "required": return node.setting(name, .array(there.elements + value.elements))
        default: return node
        }
    }

    /// `null` among types, choices or enumerated values becomes `nullable`; several types become choices.
    private func withoutNull(_ schema: JSONTree, _ depth: Int) -> JSONTree {
        var node = schema
        var isNullable = false
        if case .array(let types)? = node["type"] {
            let others = types.filter { !$0.isText("null") }
            isNullable = others.count < types.count
            node = node.without("type")
            if others.count == 1 { node = node.setting("type", others[0]) }
            if others.count > 1 { node = node.setting("anyOf", .array(others.map { .object(["type": $0]) })) }
        }
        if let choices = node["anyOf"]?.elements {
            let others = choices.filter { $0["type"]?.isText("null") != true }
            isNullable = isNullable || others.count < choices.count
            node = node.without("anyOf")
            if others.count == 1 {
                let only = others[0]["$ref"]?.string.flatMap(resolve) ?? others[0]
                for (name, value) in only.members { node = Self.merge(name, value, into: node) }
            } else {
                node = node.setting("anyOf", .array(others))
            }
        }
        if let values = node["enum"]?.elements {
            let others = values.filter { $0.spelling != "null" }
            isNullable = isNullable || others.count < values.count
            // Only text can be enumerated.
            node = node.setting("enum", .array(others.map { $0.string == nil ? .text($0.spelling) : $0 }))
            node = node.setting("type", .text("string"))
        }
        return isNullable ? node.setting("nullable", .bool(true)) : node
    }

    /// Only properties that exist may be required, and an array says of what.
    private func completed(_ schema: JSONTree, required: JSONTree?) -> JSONTree {
        var node = schema
        let properties = node["properties"]
        let names = (required?.elements ?? []).filter { name in
            name.string.map { properties?[$0] != nil } ?? false
        }
        if !names.isEmpty { node = node.setting("required", .array(names)) }
        if node["type"]?.isText("array") == true, node["items"] == nil {
            node = node.setting("items", .object(["type": .text("string")]))
        }
        return node
    }
}
