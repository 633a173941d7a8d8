internal import Foundation

/// The files of `sql/functions`, replayed by `Migrations` after the numbered files and under the same lock.
///
/// A database records the revision and checksum of each file it has. Only files with a higher revision are replayed: an
/// older release leaves the functions of a newer one alone.
struct FunctionFiles: Sendable {
    private let files: [FunctionFile]

    init(folder: String, checksum: (String) -> String) throws {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        files = try names.compactMap { try FunctionFile(folder: folder, name: $0, checksum: checksum) }
        if files.isEmpty { throw FunctionFileError.noFiles(folder: folder) }
    }

    /// The files whose text this database does not have yet. None before the migration that creates the record: a
    /// database that stops there has the functions of its migrations.
    func pending(on connection: PostgresConnection) throws -> [FunctionFile] {
        guard
            try connection.query("select to_regclass('schema_function') is not null as there").first?.bool("there")
                == true
        else { return [] }
        let rows = try connection.query("select file, revision, checksum from schema_function")
        let recorded = Dictionary(
            uniqueKeysWithValues: rows.map { row in
                (row.text("file"), (revision: Int(row.integer("revision")), checksum: row.text("checksum")))
            })
        return try files.filter { try $0.isNewer(than: recorded[$0.name]) }
    }

    /// Replays what is pending: all of it or nothing. Returns the names of the files.
    ///
    /// Bodies are checked when all functions are there, so the files need no order among themselves.
    func replay(on connection: PostgresConnection, lockTimeout: String) throws -> [String] {
        let pending = try pending(on: connection)
        guard !pending.isEmpty else { return [] }
        try connection.transaction {
            try connection.query(
                "select set_config('lock_timeout', $1, true), set_config('check_function_bodies', 'off', true)",
                [lockTimeout])
            for file in pending { try replay(file, on: connection) }
            try checkBodies(on: connection)
        }
        return pending.map { "functions/\($0.name)" }
    }

    private func replay(_ file: FunctionFile, on connection: PostgresConnection) throws {
        do {
            try connection.script(file.sql)
        } catch PostgresError.refused(let state, let message, _) where state != Migrations.lockNotAvailable {
            throw FunctionFileError.failed(name: file.name, reason: message)
        }
        try connection.query(
            """
            insert into schema_function (file, revision, checksum) values ($1, $2, $3)
            on conflict (file) do update
                set revision = excluded.revision, checksum = excluded.checksum, applied_at = excluded.applied_at
            """, [file.name, String(file.revision), file.checksum])
    }

    /// Runs the languages' own validators on what this transaction wrote.
    private func checkBodies(on connection: PostgresConnection) throws {
        try connection.query("select set_config('check_function_bodies', 'on', true)")
        let written = try connection.query(
            """
            select p.oid, p.oid::regprocedure::text as signature, v.proname as validator
            from pg_proc p join pg_language l on l.oid = p.prolang join pg_proc v on v.oid = l.lanvalidator
            where p.xmin = pg_current_xact_id()::xid order by signature
            """)
        for function in written {
            do {
                try connection.query(
                    "select pg_catalog.\(function.text("validator"))($1::oid)", [function.text("oid")])
            } catch PostgresError.refused(_, let message, _) {
                throw FunctionFileError.wrongBody(function: function.text("signature"), reason: message)
            }
        }
    }
}
