/// Reduces JSON schemas to the subsets that vendors accept: a keyword they do not know fails the whole request.
enum SchemaCleaner {
    /// Bounds on expanding references: depth, nodes and size.
    ///
    /// The size may grow to `growthMax` times the schema's own (`JSONTree.size`) plus `sizeFree`.
    static let depthMax = 32
    static let nodesMax = 5_000
    static let growthMax = 8
    static let sizeFree = 64 << 10

    /// For Gemini: references expanded, unions as `anyOf`, constants as `enum`, `null` as `nullable`.
    static func gemini(_ schema: JSONTree) -> JSONTree {
        var cleaner = GeminiSchemaCleaner(root: schema)
        return cleaner.cleaned(schema, depth: 0)
    }

    /// For Anthropic's `output_config.format`: closes objects, and moves bounds into the description.
    static func anthropic(_ schema: JSONTree) -> JSONTree {
        guard schema.isObject else { return schema }
        var out: [(name: String, value: JSONTree)] = []
        var moved: [String] = []
        for (name, value) in schema.members {
            switch name {
            case _ where anthropicBounds.contains(name): moved.append("\(name): \(value.spelling)")
            case "not": break
            case "format": if let format = value.string, anthropicFormats.contains(format) { out.append((name, value)) }
            case "properties", "$defs", "definitions":
                out.append((name, .object(value.members.map { ($0.name, anthropic($0.value)) })))
            case "oneOf", "anyOf": out.append(("anyOf", .array(value.elements.map(anthropic))))
            case "allOf", "prefixItems": out.append((name, .array(value.elements.map(anthropic))))
            case "items": out.append((name, anthropic(value)))
            case "additionalProperties": break
            default: out.append((name, value))
            }
        }
        var cleaned = JSONTree.object(out)
        if schema["type"]?.isText("object") == true || schema["properties"] != nil {
            cleaned = cleaned.setting("additionalProperties", .bool(false))
        }
        guard !moved.isEmpty else { return cleaned }
        let text = [schema["description"]?.string, "(" + moved.joined(separator: ", ") + ")"].compactMap(\.self)
        return cleaned.setting("description", .text(text.joined(separator: " ")))
    }

    private static let anthropicBounds: Set<String> = [
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
        "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
    ]
    private static let anthropicFormats: Set<String> = [
        "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid",
    ]
}
