internal import JSONScan

/// Reduces a JSON schema to the subset of OpenAPI 3.0 that Gemini accepts.
///
/// References are expanded, so a small schema may stand for an infinite one. The result is bounded by depth, by nodes,
/// and by a size proportional to the schema's own; beyond that, any object is accepted.
struct GeminiSchemaCleaner {
    private let references: SchemaReferences
    /// References being expanded: a recursive one is cut.
    private var open: Set<TextKey> = []
    private var nodes = 0
    /// How much more of the schemas may be read, in the units of `JSONTree.size`.
    private var sizeLeft: Int

    init(root: JSONTree) {
        references = SchemaReferences(root: root)
        sizeLeft = root.size * SchemaCleaner.growthMax + SchemaCleaner.sizeFree
    }

    private static var anyObject: JSONTree { .object(["type": .text("object")]) }

    /// The allowed keywords. They do not apply to property names, which are free.
    private static let kept: Set<String> = [
        "type", "format", "title", "description", "nullable", "enum", "items", "properties", "required", "minItems",
        "maxItems", "minLength", "maxLength", "pattern", "minimum", "maximum", "minProperties", "maxProperties",
        "anyOf", "propertyOrdering", "default", "example",
    ]
    private static let formats: Set<String> = ["enum", "date-time", "int32", "int64", "float", "double"]

    mutating func cleaned(_ schema: JSONTree, depth: Int) -> JSONTree {
        nodes += 1
        guard schema.isObject, depth < SchemaCleaner.depthMax, nodes < SchemaCleaner.nodesMax, sizeLeft > 0 else {
            return Self.anyObject
        }
        sizeLeft -= Self.ownSize(schema)
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
        let key = TextKey(reference)
        guard !open.contains(key), let target = references.resolve(reference) else { return Self.anyObject }
        open.insert(key)
        defer { open.remove(key) }
        var out = cleaned(target, depth: depth + 1)
        if let description = schema["description"] { out = out.setting("description", description) }
        return out
    }

    /// The size of what is read at this level; nested schemas are counted when they are read.
    private static func ownSize(_ schema: JSONTree) -> Int {
        schema.members.reduce(1) { sum, member in
            switch member.name {
            case "properties": sum + member.value.members.reduce(0) { $0 + $1.name.utf8.count + 1 }
            case "anyOf", "oneOf", "allOf": sum + member.value.elements.count
            case "items": sum + 1
            case let name where name == "const" || kept.contains(name): sum + name.utf8.count + member.value.size
            // Dropped without reading its value.
            default: sum + member.name.utf8.count + 1
            }
        }
    }

    /// Merges `allOf`, turns `oneOf` into `anyOf` and `const` into an `enum`.
    private mutating func merged(_ schema: JSONTree) -> JSONTree {
        var node = schema
        if let parts = schema["allOf"] { node = merging(parts.elements, into: node.without("allOf")) }
        if let choices = node["oneOf"] { node = node.without("oneOf").setting("anyOf", choices) }
        if let constant = node["const"] { node = node.without("const").setting("enum", .array([constant])) }
        return node
    }

    private mutating func merging(_ parts: [JSONTree], into node: JSONTree) -> JSONTree {
        var merged = MergedSchema(node)
        for part in parts where sizeLeft > 0 {
            let whole = part["$ref"]?.string.flatMap(references.resolve) ?? part
            sizeLeft -= Self.ownSize(whole)
            merged.merge(whole)
        }
        return merged.schema
    }

    /// Turns `null` among types, choices or `enum` values into `nullable`, and several types into choices.
    private mutating func withoutNull(_ schema: JSONTree, _ depth: Int) -> JSONTree {
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
            node = others.count == 1 ? merging(others, into: node) : node.setting("anyOf", .array(others))
        }
        if let values = node["enum"]?.elements {
            let others = values.filter { $0.spelling != "null" }
            isNullable = isNullable || others.count < values.count
            // Gemini enumerates strings only.
            node = node.setting("enum", .array(others.map { $0.string == nil ? .text($0.spelling) : $0 }))
            node = node.setting("type", .text("string"))
        }
        return isNullable ? node.setting("nullable", .bool(true)) : node
    }

    /// Requires only properties that exist, and gives every array an item type.
    private func completed(_ schema: JSONTree, required: JSONTree?) -> JSONTree {
        var node = schema
        let properties = Set((node["properties"]?.members ?? []).map { TextKey($0.name) })
        let names = (required?.elements ?? []).filter { name in
            name.string.map { properties.contains(TextKey($0)) } ?? false
        }
        if !names.isEmpty { node = node.setting("required", .array(names)) }
        if node["type"]?.isText("array") == true, node["items"] == nil {
            node = node.setting("items", .object(["type": .text("string")]))
        }
        return node
    }
}
