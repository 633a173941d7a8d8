/// JSON Schema in the subsets vendors read. Whoever sends them another keyword has the whole request refused.
enum SchemaCleaner {
    /// How deep references are followed, and how large a schema may become by it: so many times its own size (`JSONTree.size`),
    /// and so much more.
    static let depthMax = 32
    static let nodesMax = 5_000
    static let growthMax = 8
    static let sizeFree = 64 << 10

    /// For Gemini: references written out, unions as `anyOf`, constants as enumerations, `null` as `nullable`.
    static func gemini(_ schema: JSONTree) -> JSONTree {
        var cleaner = GeminiSchemaCleaner(root: schema)
        return cleaner.cleaned(schema, depth: 0)
    }

    /// For Anthropic's `output_config.format`: objects closed, and bounds moved into the description.
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
