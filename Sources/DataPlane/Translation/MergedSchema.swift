internal import JSONScan

/// A schema into which others are merged: its own members take precedence, `properties` and `required` accumulate.
struct MergedSchema {
    private var members: [(name: String, value: JSONTree)]
    private var names: Set<TextKey>
    private var properties: [(name: String, value: JSONTree)]
    private var propertyNames: Set<TextKey>
    private var required: [JSONTree]

    init(_ schema: JSONTree) {
        members = schema.members
        names = Set(members.map { TextKey($0.name) })
        properties = schema["properties"]?.members ?? []
        propertyNames = Set(properties.map { TextKey($0.name) })
        required = schema["required"]?.elements ?? []
    }

    mutating func merge(_ other: JSONTree) {
        for (name, value) in other.members {
            if names.insert(TextKey(name)).inserted { members.append((name, value)) }
            switch name {
            case "properties":
                for property in value.members where propertyNames.insert(TextKey(property.name)).inserted {
                    properties.append(property)
                }
            case "required": required += value.elements
            default: break
            }
        }
    }

    var schema: JSONTree {
        .object(
            members.map { name, value in
                switch name {
                case "properties": (name, .object(properties))
                case "required": (name, .array(required))
                default: (name, value)
                }
            })
    }
}
