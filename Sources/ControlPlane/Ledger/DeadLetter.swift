package import Postgres

/// A usage event that the ledger cannot accept, stored with the reason.
package struct DeadLetter: Sendable {
    /// Far more than any usage event; an entry that is not one may have any size.
    package static let eventCharactersMax = 65_536

    package let entry: UsageStreams.Entry
    package let reason: String
    /// Without NUL, which PostgreSQL text cannot hold.
    package let event: String

    /// - Parameter reason: for the operator.
    package init(entry: UsageStreams.Entry, reason: String) {
        self.entry = entry
        self.reason = reason.replacing("\0", with: "\u{fffd}")
        event = String(entry.event.prefix(Self.eventCharactersMax)).replacing("\0", with: "\u{fffd}")
    }

    func insert(on connection: PostgresConnection) throws {
        try connection.query(
            """
            insert into usage_dead_letter (shard, entry_id, kind, event, reason) values ($1, $2, $3, $4, $5)
            on conflict do nothing
            """,
            [String(entry.shard), entry.streamID, entry.kind, event, reason])
    }
}

extension PostgresError {
    /// Whether the statement's data is at fault, so that every retry would be refused too.
    ///
    /// That is: data (22), constraints (23), cardinality (21), limits (54) and exceptions from our own functions (P0).
    /// All other errors may pass later or need an operator (permissions, missing tables), so they are retried.
    package var isDataError: Bool {
        guard case .refused(let state, _, _) = self else { return false }
        return ["21", "22", "23", "54", "P0"].contains { state.hasPrefix($0) }
    }
}
