/// A value of a catalogue row, as its column's JSON.
package enum CatalogueValue: Sendable, Equatable, Codable {
    case null
    case flag(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    case list([CatalogueValue])
    case object([String: CatalogueValue])

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .flag(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([CatalogueValue].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: CatalogueValue].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .flag(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .list(let values): try container.encode(values)
        case .object(let members): try container.encode(members)
        }
    }

    /// The text, when it is one.
    package var text: String? {
        guard case .text(let value) = self else { return nil }
        return value
    }

    /// The whole number, when it is one.
    package var integer: Int64? {
        guard case .integer(let value) = self else { return nil }
        return value
    }
}

/// A row of the catalogue or a plan, by its columns.
package struct CatalogueEntry: Sendable, Equatable {
    /// Its `id`, or its `name` where that identifies it.
    package var id: String
    /// Rises with every change, so that two who edit it at once learn of each other.
    package var version: Int64
    package var columns: [String: CatalogueValue]

    package init(id: String, version: Int64, columns: [String: CatalogueValue]) {
        self.id = id
        self.version = version
        self.columns = columns
    }
}
