package import AdminCore
internal import Foundation
internal import KeyMaterial
internal import Postgres

extension PostgresStores {
    /// Ends a transaction without its changes.
    private struct DryRunEnd: Error {
        let changes: [CatalogueChange]
    }

    /// The catalogue as a file, without secrets.
    package func exportCatalogue() async throws -> String {
        do {
            return try await pool.run { try CatalogueExport(connection: $0).text() }
        } catch let error as PostgresError {
            throw Self.adminError(error)
        }
    }

    /// Loads a catalogue file, all of it or nothing.
    ///
    /// - Returns: at most `changesMax` rows that it changed, or would change, as the audit log has them.
    /// - Throws: `AdminError.invalid` for a file that cannot be read, and for what breaks a rule.
    package func loadCatalogue(
        _ text: String, isDryRun: Bool, changesMax: Int, actor: String
    ) async throws -> [CatalogueChange] {
        guard let sealer, let catalogueFile else { throw AdminError.unavailable }
        let file: CatalogueFile
        do {
            file = try catalogueFile(text)
        } catch {
            throw AdminError.invalid("This is not a catalogue file: \(error)", param: nil)
        }
        // The environment of the control plane is not the caller's.
        if let provider = file.providers?.first(where: { $0.credential_from_environment != nil }) {
            throw AdminError.invalid(
                "Provider '\(provider.id)' has 'credential_from_environment', which only `aihub-control load` can read. Leave it out, and use /credentials.",
                param: nil)
        }
        do {
            return try await change(actor: actor) { connection in
                let last = try connection.query("select coalesce(max(id), 0)::text as id from audit_log")[0].text("id")
                try CatalogueLoader(connection, sealer: sealer, environment: [:]).apply(file)
                // Rules that are checked at COMMIT.
                try connection.query("set constraints all immediate")
                let changes = try Self.changes(after: last, limit: changesMax, on: connection)
                if isDryRun { throw DryRunEnd(changes: changes) }
                return changes
            }
        } catch let end as DryRunEnd {
            return end.changes
        } catch let error as CatalogueLoader.LoadError {
            throw AdminError.invalid("\(error)", param: nil)
        }
    }

    /// What this transaction has changed.
    private static func changes(
        after last: String, limit: Int, on connection: PostgresConnection
    ) throws -> [CatalogueChange] {
        try connection.query(
            """
            select action, subject, subject_id, before::text, after::text from audit_log
            where id > $1::bigint and xmin = pg_current_xact_id()::xid order by id limit $2::integer
            """, [last, String(limit)]
        ).map { row in
            func value(_ column: String) throws -> CatalogueValue? {
                try row[column].map { try JSONDecoder().decode(CatalogueValue.self, from: Data($0.utf8)) }
            }
            return CatalogueChange(
                action: row.text("action"), subject: row.text("subject"), subjectID: row.text("subject_id"),
                before: try value("before"), after: try value("after"))
        }
    }
}
