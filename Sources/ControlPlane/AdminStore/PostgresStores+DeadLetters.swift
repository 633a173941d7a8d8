package import AdminCore
internal import Postgres

extension PostgresStores {
    /// - Returns: `nil` when it does not exist.
    package func deadLetter(_ id: Int64) async throws -> DeadLetterEntry? {
        try await read("select * from usage_dead_letter where id = $1", [String(id)]).first.map(Self.deadLetter)
    }

    /// At most `limit` unresolved dead letters with ids above `after`, by id.
    package func deadLetters(after: Int64, limit: Int) async throws -> [DeadLetterEntry] {
        try await read(
            "select * from usage_dead_letter where resolution is null and id > $1::bigint order by id limit $2::integer",
            [String(after), String(limit)]
        ).map(Self.deadLetter)
    }

    /// Retries or dismisses a dead letter; a retry ingests the event in the same transaction.
    ///
    /// - Returns: false when it is resolved already or does not exist.
    /// - Throws: `AdminError.invalid` when the ledger still refuses the event.
    package func resolveDeadLetter(
        _ id: Int64, as resolution: DeadLetterEntry.Resolution, actor: String
    ) async throws -> Bool {
        try await change(actor: actor) { connection in
            let rows = try connection.query(
                "select resolve_dead_letter($1, $2)::text as resolved", [String(id), resolution.rawValue])
            return rows.first?.text("resolved") == "true"
        }
    }

    private static func deadLetter(_ row: PostgresRow) -> DeadLetterEntry {
        DeadLetterEntry(
            id: row.integer("id"), at: row.text("at"), shard: row.integer("shard"), entryID: row.text("entry_id"),
            kind: row.text("kind"), event: row.text("event"), reason: row.text("reason"),
            resolution: row["resolution"], resolvedAt: row["resolved_at"])
    }
}
