internal import Foundation

/// One numbered file of `sql/migrations`, and what the comments above its SQL say of it.
///
/// A file with a line `-- outside a transaction` there is run statement by statement, each ended by a semicolon at the end of a line, and
/// waits as long as it must. It is for what lets others pass while it waits (`create index concurrently`, `validate constraint`), and must be
/// fit to be run again: an index that failed halfway is dropped first.
struct MigrationFile: Sendable {
    let number: Int
    let name: String
    let sql: String
    let checksum: String
    /// The number of the last file a program must know to run beside this one; `nil`: this one.
    let runsWith: Int?
    /// What is run one by one; `nil`: all of it in one transaction.
    let statements: [String]?

    /// - Returns: `nil` when its name is not that of a migration.
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
