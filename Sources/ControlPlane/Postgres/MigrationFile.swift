internal import Foundation

/// One numbered file of `sql/migrations`, with the directives in the comments above its SQL.
///
/// A file with the line `-- outside a transaction` is run statement by statement, each ended by a semicolon at the end
/// of a line, and without a lock timeout. It is meant for statements that let others pass while they wait, such as
/// `create index concurrently` and `validate constraint`. It must be safe to run again: an index that failed halfway
/// is dropped first.
struct MigrationFile: Sendable {
    let number: Int
    let name: String
    let sql: String
    let checksum: String
    /// A program can run with this file applied if it knows all files up to this number; `nil` for the file's own.
    let runsWith: Int?
    /// Statements to run one by one; `nil` to run the whole file in one transaction.
    let statements: [String]?

    /// - Returns: `nil` when the name is not that of a migration.
    init?(folder: String, name: String, checksum: (String) -> String) throws {
        guard name.hasSuffix(".sql"), let number = Int(name.prefix(4)) else { return nil }
        self.number = number
        self.name = name
        sql = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
        self.checksum = checksum(sql)
        runsWith = Self.runsWith(sql)
        statements = Self.statements(sql)
    }

    private static func runsWith(_ sql: String) -> Int? {
        let mark = "-- runs with: "
        guard let line = sql.split(separator: "\n").first, line.hasPrefix(mark) else { return nil }
        return Int(line.dropFirst(mark.count))
    }

    private static func statements(_ sql: String) -> [String]? {
        let lines = sql.split(separator: "\n")
        guard lines.prefix(while: { $0.hasPrefix("--") }).contains("-- outside a transaction") else { return nil }
        return (lines.filter { !$0.hasPrefix("--") }.joined(separator: "\n") + "\n")
            .components(separatedBy: ";\n").filter { !$0.allSatisfy(\.isWhitespace) }
    }
}
