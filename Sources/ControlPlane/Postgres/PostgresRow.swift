/// A result row: values in PostgreSQL's text format, by column name.
package struct PostgresRow: Sendable {
    let columns: [String: Int]
    let values: [String?]

    package subscript(name: String) -> String? { columns[name].flatMap { values[$0] } }

    /// The value of a column that is never null.
    package func text(_ name: String) -> String { self[name] ?? "" }
    package func optionalInteger(_ name: String) -> Int64? { self[name].flatMap { Int64($0) } }
    package func integer(_ name: String) -> Int64 { optionalInteger(name) ?? 0 }
    package func bool(_ name: String) -> Bool { self[name] == "t" }

    /// The elements of a one-dimensional `text[]`; `nil` for null.
    package func textArray(_ name: String) -> [String]? { self[name].map(PostgresArray.parse) }
}

/// The text format of one-dimensional arrays: `{a,"b c",NULL}`.
package enum PostgresArray {
    package static func parse(_ literal: String) -> [String] {
        var items: [String] = []
        var item = ""
        var quoted = false
        var escaped = false
        var any = false
        for character in literal.dropFirst().dropLast() {
            if escaped {
                item.append(character)
                escaped = false
            } else if character == "\\" {
                escaped = true
            } else if character == "\"" {
                quoted.toggle()
                any = true
            } else if character == ",", !quoted {
                items.append(item)
                item = ""
                any = false
            } else {
                item.append(character)
                any = true
            }
        }
        if any || !items.isEmpty { items.append(item) }
        return items
    }

    package static func literal(_ items: [String]) -> String {
        let quoted = items.map { item in
            "\"" + item.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        return "{" + quoted.joined(separator: ",") + "}"
    }
}
