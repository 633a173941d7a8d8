internal import Foundation

/// Runs the numbered files of `sql/migrations`, forward only, under one advisory lock.
///
/// Each runs in a transaction unless it opts out. The files of `sql/functions` are replayed after them.
///
/// No statement waits long for a table lock, since later statements would queue behind it: the file is rolled back and
/// retried.
///
/// After a file whose first line is `-- runs with: NNNN`, programs that know only the files up to that number still
/// work, so they can keep running during an upgrade or be rolled back to.
package struct Migrations: Sendable {
    package enum MigrationError: Error, CustomStringConvertible {
        case noFiles(folder: String)
        case changed(name: String)
        case newer(applied: Int, known: Int)
        case busy(name: String)
        case failed(name: String, reason: String)
        case stopped(name: String, reason: String)

        package var description: String {
            switch self {
            case .noFiles(let folder): "no migrations found in \(folder)"
            case .changed(let name):
                "migration \(name) was changed after it had run: restore the file, and put the change in a new migration"
            case .newer(let applied, let known):
                "the database is at migration \(applied), this program knows only \(known): run a newer aihub-control"
            case .busy(let name):
                "migration \(name) did not get its lock in \(Migrations.triesMax) tries: end long-running statements, then run it again"
            case .failed(let name, let reason): "migration \(name) failed and was rolled back: \(reason)"
            case .stopped(let name, let reason):
                "migration \(name) stopped halfway: fix the cause, then run it again: \(reason)"
            }
        }
    }

    private static let lockTimeout = "3s"
    fileprivate static let triesMax = 20
    private static let triesApartSeconds: UInt32 = 1
    private static let lockTriesApartMicroseconds: UInt32 = 100_000
    static let lockNotAvailable = "55P03"

    /// An arbitrary number, but the same in every migrating process.
    private static let lock = "7283910452"

    private let files: [MigrationFile]
    private let functions: FunctionFiles

    /// - Parameters:
    ///   - folder: the folder of the numbered files; the functions are in `functions` beside it.
    ///   - checksum: hashes a file's text, for example with SHA-256.
    package init(folder: String, checksum: (String) -> String) throws {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        files = try names.compactMap { try MigrationFile(folder: folder, name: $0, checksum: checksum) }
        if files.isEmpty { throw MigrationError.noFiles(folder: folder) }
        functions = try FunctionFiles(folder: folder + "/../functions", checksum: checksum)
    }

    /// Polls for the lock instead of waiting inside a statement.
    ///
    /// `create index concurrently`, run by the lock's holder, waits for all running statements, so the two would
    /// deadlock.
    private func acquireLock(_ connection: PostgresConnection) throws {
        while try connection.query("select pg_try_advisory_lock($1::bigint) as taken", [Self.lock]).first?.bool("taken")
            != true
        {
            usleep(Self.lockTriesApartMicroseconds)
        }
    }

    /// Brings the database up to the newest file. Returns the names of the files that ran.
    package func run(on connection: PostgresConnection) throws -> [String] {
        try connection.query("select set_config('statement_timeout', '0', false)")
        try acquireLock(connection)
        defer { _ = try? connection.query("select pg_advisory_unlock($1::bigint)", [Self.lock]) }
        try connection.script(
            """
            create table if not exists schema_migration (
                number integer primary key, name text not null, checksum text not null,
                applied_at timestamptz not null default now());
            alter table schema_migration add column if not exists runs_with integer
            """)
        let applied = try check(connection)
        let ran = try files.filter { !applied.contains($0.number) }.map { file in
            try apply(file, on: connection)
            return file.name
        }
        return try ran
            + retryingWhileLocked("sql/functions") {
                try functions.replay(on: connection, lockTimeout: Self.lockTimeout)
            }
    }

    private func apply(_ file: MigrationFile, on connection: PostgresConnection) throws {
        do {
            try retryingWhileLocked(file.name) {
                if let statements = file.statements {
                    for statement in statements { try connection.script(statement) }
                    return try record(file, on: connection)
                }
                try connection.transaction {
                    try connection.query("select set_config('lock_timeout', $1, true)", [Self.lockTimeout])
                    try connection.script(file.sql)
                    try record(file, on: connection)
                }
            }
        } catch let error as PostgresError {
            throw file.statements == nil
                ? MigrationError.failed(name: file.name, reason: "\(error)")
                : .stopped(name: file.name, reason: "\(error)")
        }
    }

    private func retryingWhileLocked<T>(_ name: String, _ body: () throws -> T) throws -> T {
        for _ in 1..<Self.triesMax {
            do {
                return try body()
            } catch PostgresError.refused(let state, _, _) where state == Self.lockNotAvailable {
                sleep(Self.triesApartSeconds)
            }
        }
        do {
            return try body()
        } catch PostgresError.refused(let state, _, _) where state == Self.lockNotAvailable {
            throw MigrationError.busy(name: name)
        }
    }

    private func record(_ file: MigrationFile, on connection: PostgresConnection) throws {
        try connection.query(
            "insert into schema_migration (number, name, checksum, runs_with) values ($1, $2, $3, $4)",
            [String(file.number), file.name, file.checksum, file.runsWith.map(String.init)])
    }

    /// Refuses a database that does not fit this program. Returns the numbers of the known files that have run.
    @discardableResult
    package func check(_ connection: PostgresConnection) throws -> Set<Int> {
        let rows = try connection.query(
            """
            select number, name, checksum, coalesce((to_jsonb(m) ->> 'runs_with')::integer, number) as runs_with
            from schema_migration m
            """)
        let known = files.map(\.number).max() ?? 0
        var applied: Set<Int> = []
        for row in rows {
            let number = Int(row.integer("number"))
            if let file = files.first(where: { $0.number == number }) {
                if file.checksum != row.text("checksum") { throw MigrationError.changed(name: file.name) }
                applied.insert(number)
            } else if Int(row.integer("runs_with")) > known {
                throw MigrationError.newer(applied: number, known: known)
            }
        }
        return applied
    }

    /// Whether every file has run and every function is at least as new as this program's.
    package func isComplete(on connection: PostgresConnection) throws -> Bool {
        guard
            try connection.query("select to_regclass('schema_migration') is not null as there").first?.bool("there")
                == true
        else { return false }
        return try check(connection).count == files.count && functions.pending(on: connection).isEmpty
    }
}
