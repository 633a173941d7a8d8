internal import AdminCore
internal import Hummingbird
internal import NIOCore

/// The form in which a table is sent.
enum TableFormat {
    case json
    /// RFC 4180, with the names of the columns first.
    case csv
    /// A JSON object on each line.
    case jsonLines

    /// The first of ours that the client names; JSON when it names none.
    init(accept: String?) throws {
        let offered: [String: TableFormat] = [
            "application/json": .json, "text/csv": .csv, "application/jsonl": .jsonLines,
            "application/x-ndjson": .jsonLines, "*/*": .json, "application/*": .json,
        ]
        let named = (accept ?? "*/*").split(separator: ",").map {
            $0.prefix { $0 != ";" }.filter { !$0.isWhitespace }.lowercased()
        }
        self = named.lazy.compactMap { offered[$0] }.first ?? .json
    }

    private var contentType: String {
        switch self {
        case .json: "application/json"
        case .csv: "text/csv; charset=utf-8; header=present"
        case .jsonLines: "application/jsonl"
        }
    }

    /// A response that fetches rows while the client reads them.
    ///
    /// The first portion is fetched before the status is sent, so that a query the database refuses is an error. If a
    /// later one fails, the connection ends before the last chunk.
    func response(of table: UsageTable) async throws -> Response {
        let first = try await table.next()
        let format = self
        let body = ResponseBody { writer in
            if case .csv = format {
                try await writer.write(ByteBuffer(string: Self.csvLine(table.columns.map(\.name))))
            }
            var rows = first
            while !rows.isEmpty {
                try await writer.write(format.bytes(of: rows, table.columns))
                rows = try await table.next()
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: contentType], body: body)
    }

    private func bytes(of rows: [UsageTable.Row], _ columns: [UsageTable.Column]) -> ByteBuffer {
        var buffer = ByteBuffer()
        for row in rows {
            if case .csv = self {
                buffer.writeString(Self.csvLine(row.map { $0 ?? "" }))
            } else {
                buffer.writeString(columns.json(of: row).json + "\n")
            }
        }
        return buffer
    }

    private static func csvLine(_ fields: [String]) -> String { fields.map(csvField).joined(separator: ",") + "\r\n" }

    /// Quoted where it has to be. A spreadsheet must not take a name for a formula, so such a name gets an apostrophe.
    private static func csvField(_ text: String) -> String {
        // Scalars, since a combining mark behind it does not keep a spreadsheet from seeing the first one.
        let first = text.unicodeScalars.first
        let isFormula =
            first.map { "=+@\t\r".unicodeScalars.contains($0) } == true || (first == "-" && Int64(text) == nil)
        let plain = isFormula ? "'" + text : text
        guard plain.utf8.contains(where: { [UInt8(ascii: ","), UInt8(ascii: "\""), 10, 13].contains($0) }) else {
            return plain
        }
        return "\"" + plain.replacing("\"", with: "\"\"") + "\""
    }
}

extension [UsageTable.Column] {
    func json(of row: UsageTable.Row) -> JSONOutput {
        .object(
            zip(self, row).map { column, value in
                guard let value else { return (column.name, .null) }
                switch column.kind {
                case .text: return (column.name, .text(value))
                case .number: return (column.name, Int64(value).map { .integer($0) } ?? .null)
                case .flag: return (column.name, .bool(value == "true"))
                }
            })
    }
}
