internal import AdminCore
internal import Postgres

/// A row that the database refused, in the words that psql shows, with the member of the body that is at fault.
///
/// The database alone has the rules, so that the admin API, catalogue files and psql refuse the same in the same words.
struct RefusedRow {
    /// The body of a request, as far as a refusal has to name its members.
    struct Body: Sendable {
        /// Those it sets.
        let columns: Set<String>
        /// The member for a column of a table; `nil` when there is none.
        let param: @Sendable (_ table: String, _ column: String) -> String?
    }

    /// Rows that refer to what does not exist, or exist already: the detail then names the key, and nothing else.
    private static let statesOfKeys: Set<String> = ["23503", "23505"]

    /// - Returns: the error to answer with, or `error` itself when the row is not at fault.
    static func adminError(_ error: PostgresError, on connection: PostgresConnection, _ body: Body) -> any Error {
        guard case .refused(let state, let message, let hint) = error,
            ["22", "23"].contains(state.prefix(2)) || state == "P0001"
        else { return PostgresStores.adminError(error) }
        let refusal = connection.lastRefusal
        let detail = statesOfKeys.contains(state) ? refusal?.detail : nil
        let text = [message, detail, hint].compactMap(\.self).joined(separator: ". ")
        if state == "23505" { return AdminError.conflict("Already exists: \(text)") }
        return AdminError.invalidMembers([MemberError(param: param(refusal, on: connection, body), message: text)])
    }

    private static func param(
        _ refusal: PostgresRefusal?, on connection: PostgresConnection, _ body: Body
    ) -> String? {
        guard let refusal else { return nil }
        // A trigger names its column alone.
        if let column = refusal.column { return body.param(refusal.table ?? "", column) }
        guard let table = refusal.table, let constraint = refusal.constraint else { return nil }
        let rows = try? connection.query(
            """
            select a.attname from pg_constraint c
            join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
            where c.conrelid = to_regclass(quote_ident($1)) and c.conname = $2 order by array_position(c.conkey, a.attnum)
            """, [table, constraint])
        let columns = (rows ?? []).map { $0.text("attname") }
        // Of a rule for several columns, the one that was to be changed.
        return body.param(table, columns.first { body.columns.contains($0) } ?? columns.first ?? "")
    }
}
