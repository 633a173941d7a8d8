internal import Postgres

/// A row of the audit log, in the form that is sealed.
package struct AuditRow: Sendable {
    package let id: Int64
    /// Column values in the order of `columns`, the id first.
    private let fields: [String?]

    /// The columns to select from `audit_log a`, as text that no server or session setting changes.
    static let columns = """
        a.id, encode(timestamptz_send(a.at), 'hex') as at, a.actor, a.login, a.action, a.subject, a.subject_id,
        a.before::text as before, a.after::text as after
        """
    private static let names = [
        "id", "at", "actor", "login", "action", "subject", "subject_id", "before", "after",
    ]

    /// - Parameter values: those of `columns` after the id, in order; `nil` for null.
    package init(id: Int64, values: [String?]) {
        self.id = id
        fields = [String(id)] + values
    }

    /// - Returns: `nil` when an outer join found no audit row.
    init?(_ row: PostgresRow) {
        guard let id = row.optionalInteger("id") else { return nil }
        self.init(id: id, values: Self.names.dropFirst().map { row[$0] })
    }

    /// An unambiguous encoding: each value prefixed with its length in bytes (`5:admin,`), null as `-,`.
    ///
    /// No value's content can shift where it ends, so two different rows never share a text.
    package var canonicalText: String { Self.canonicalText(of: fields) }

    static func canonicalText(of values: [String?]) -> String {
        values.map { value in value.map { "\($0.utf8.count):\($0)," } ?? "-," }.joined()
    }
}
