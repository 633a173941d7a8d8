/// A result row: values in PostgreSQL's text format, by column name.
package struct PostgresRow: Sendable {
    let columns: [String: Int]
    let values: [String?]

    init(columns: [String: Int], values: [String?]) {
        self.columns = columns
        self.values = values
    }

    /// - Parameter fields: each column's text, as a server sends it; `nil` for null.
    package init(_ fields: [String: String?]) {
        self.init(
            columns: Dictionary(zip(fields.keys, 0...)) { first, _ in first }, values: Array(fields.values))
    }

    /// The column's text; `nil` for null or a column that does not exist.
    package subscript(name: String) -> String? { columns[name].flatMap { values[$0] } }

    /// The value of a column that is never null.
    package func text(_ name: String) -> String { self[name] ?? "" }
    /// `nil` for null, or text that is not an integer.
    package func optionalInteger(_ name: String) -> Int64? { self[name].flatMap { Int64($0) } }
    /// The value of an integer column that is never null.
    package func integer(_ name: String) -> Int64 { optionalInteger(name) ?? 0 }
    /// The value of a boolean column; null is false.
    package func bool(_ name: String) -> Bool { self[name] == "t" }

    /// The elements of a one-dimensional `text[]`; `nil` for null.
    package func textArray(_ name: String) -> [String]? { self[name].map(PostgresArray.parse) }
}

/// The text format of one-dimensional arrays: `{a,"b c",NULL}`.
package enum PostgresArray {
    /// The elements of a literal; `NULL` elements read as the text `NULL`.
    package static func parse(_ literal: String) -> [String] {
        var items: [String] = []
        var item = ""
        var quoted = false
        var escaped = false
        var hasItem = false
        for character in literal.dropFirst().dropLast() {
            if escaped {
                item.append(character)
                escaped = false
            } else if character == "\\" {
                escaped = true
            } else if character == "\"" {
                quoted.toggle()
                hasItem = true
            } else if character == ",", !quoted {
                items.append(item)
                item = ""
                hasItem = false
            } else {
                item.append(character)
                hasItem = true
            }
        }
        if hasItem || !items.isEmpty { items.append(item) }
        return items
    }

    /// The literal of these elements, each quoted.
    package static func literal(_ items: [String]) -> String {
        let quoted = items.map { item in
            "\"" + item.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        return "{" + quoted.joined(separator: ",") + "}"
    }
}
