internal import Postgres

/// A row of the audit log, as it is sealed.
package struct AuditRow: Sendable {
    package let id: Int64
    /// Its columns in the order of `columns`, beginning with the id.
    private let fields: [String?]

    /// What is read of `audit_log a`: each value as a text that no setting of the server or the session changes.
    static let columns = """
        a.id, encode(timestamptz_send(a.at), 'hex') as at, a.actor, a.login, a.action, a.subject, a.subject_id,
        a.before::text as before, a.after::text as after
        """
    private static let names = [
        "id", "at", "actor", "login", "action", "subject", "subject_id", "before", "after",
    ]

    package init(id: Int64, values: [String?]) {
        self.id = id
        fields = [String(id)] + values
    }

    /// - Returns: `nil` when the row of an outer join is not there.
    init?(_ row: PostgresRow) {
        guard let id = row.optionalInteger("id") else { return nil }
        self.init(id: id, values: Self.names.dropFirst().map { row[$0] })
    }

    /// Text that no other row has: every value behind its length in bytes (`5:admin,`), and `-,` for null. Where a value ends does not
    /// depend on what is in it.
    package var canonicalText: String { Self.canonicalText(of: fields) }

    static func canonicalText(of values: [String?]) -> String {
        values.map { value in value.map { "\($0.utf8.count):\($0)," } ?? "-," }.joined()
    }
}
