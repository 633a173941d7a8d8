internal import Foundation

/// Runs the numbered files of `sql/migrations`, forward only, each in a transaction, all under one advisory lock.
package struct Migrations: Sendable {
    package enum Flaw: Error, CustomStringConvertible {
        case noFiles(folder: String)
        case changed(name: String)
        case newer(applied: Int, known: Int)
        case failed(name: String, reason: String)

        package var description: String {
            switch self {
            case .noFiles(let folder): "there are no migrations in \(folder)"
            case .changed(let name):
                "migration \(name) was changed after it ran here; restore the file and put the change in a new one"
            case .newer(let applied, let known):
                "the database is at migration \(applied), this program knows only \(known): run a newer aihub-control"
            case .failed(let name, let reason): "migration \(name) failed and was rolled back: \(reason)"
            }
        }
    }

    private struct File {
        var number: Int
        var name: String
        var sql: String
        var checksum: String
    }

    /// Any number works, as long as every migrating process takes the same.
    private static let lock = "7283910452"

    private let files: [File]

    /// - Parameter checksum: of a file's text, such as its SHA-256.
    package init(folder: String, checksum: (String) -> String) throws {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        files = try names.compactMap { name in
            guard name.hasSuffix(".sql"), let number = Int(name.prefix(4)) else { return nil }
            let sql = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
            return File(number: number, name: name, sql: sql, checksum: checksum(sql))
        }
        if files.isEmpty { throw Flaw.noFiles(folder: folder) }
    }

    /// Brings the database up to the newest file. Returns the names of what ran.
    package func run(on connection: PostgresConnection) throws -> [String] {
        try connection.query("select set_config('statement_timeout', '0', false)")
        try connection.query("select pg_advisory_lock($1::bigint)", [Self.lock])
        defer { _ = try? connection.query("select pg_advisory_unlock($1::bigint)", [Self.lock]) }
        try connection.script(
            """
            create table if not exists schema_migration (
                number integer primary key, name text not null, checksum text not null,
                applied_at timestamptz not null default now())
            """)
        let applied = try check(connection)
        return try files.filter { !applied.contains($0.number) }.map { file in
            do {
                try connection.transaction {
                    try connection.script(file.sql)
                    try connection.query(
                        "insert into schema_migration (number, name, checksum) values ($1, $2, $3)",
                        [String(file.number), file.name, file.checksum])
                }
            } catch {
                throw Flaw.failed(name: file.name, reason: "\(error)")
            }
            return file.name
        }
    }

    /// Refuses a database that does not fit this program. Returns the numbers that have run.
    @discardableResult
    package func check(_ connection: PostgresConnection) throws -> Set<Int> {
        let rows = try connection.query("select number, name, checksum from schema_migration")
        for row in rows {
            let number = Int(row.integer("number"))
            guard let file = files.first(where: { $0.number == number }) else {
                throw Flaw.newer(applied: number, known: files.map(\.number).max() ?? 0)
            }
            if file.checksum != row.text("checksum") { throw Flaw.changed(name: file.name) }
        }
        return Set(rows.map { Int($0.integer("number")) })
    }

    /// Whether every file has run.
    package func isComplete(on connection: PostgresConnection) throws -> Bool {
        guard
            try connection.query("select to_regclass('schema_migration') is not null as there").first?.bool("there")
                == true
        else { return false }
        return try check(connection).count == files.count
    }
}
