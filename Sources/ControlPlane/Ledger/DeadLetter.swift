internal import Postgres

/// A usage event that the ledger cannot take in, kept beside it with the reason.
struct DeadLetter: Sendable {
    /// An event is smaller by far; what is not one may be anything.
    private static let eventCharactersMax = 65_536

    let entry: UsageStreams.Entry
    let reason: String
    /// PostgreSQL stores no NUL.
    let event: String

    init(entry: UsageStreams.Entry, reason: String) {
        self.entry = entry
        self.reason = reason.replacing("\0", with: "\u{fffd}")
        event = String(entry.event.prefix(Self.eventCharactersMax)).replacing("\0", with: "\u{fffd}")
    }

    func keep(on connection: PostgresConnection) throws {
        try connection.query(
            """
            insert into usage_dead_letter (shard, entry_id, kind, event, reason) values ($1, $2, $3, $4, $5)
            on conflict do nothing
            """,
            [String(entry.shard), entry.streamID, entry.kind, event, reason])
    }
}

extension PostgresError {
    /// Whether the statement would be refused again however often it is sent, because of what is in it: data (22), constraints (23),
    /// rows that do not go together (21), limits (54) and exceptions of our own functions (P0). Everything else may pass later, or is
    /// for an operator to mend (rights, missing tables), and waits.
    var isOfTheData: Bool {
        guard case .refused(let state, _, _) = self else { return false }
        return ["21", "22", "23", "54", "P0"].contains { state.hasPrefix($0) }
    }
}
