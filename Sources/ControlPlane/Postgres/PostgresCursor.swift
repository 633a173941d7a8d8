/// A query whose rows are fetched in portions, so that a long result needs little memory here.
///
/// All rows are of the instant at which it was opened. PostgreSQL ends the connection of a reader that pauses for
/// longer than `idleSecondsMax`.
package final class PostgresCursor: Sendable {
    /// The longest pause between two portions.
    package static let idleSecondsMax = 60

    private let pool: PostgresPool
    private let released: @Sendable () -> Void

    private init(_ pool: PostgresPool, released: @escaping @Sendable () -> Void) {
        self.pool = pool
        self.released = released
    }

    /// - Parameters:
    ///   - pool: with one connection, which nobody else uses until `released` is called.
    ///   - sql: one `select` with `values` bound to `$1`, `$2`, …
    ///   - released: called once, also when this throws.
    /// - Throws: `PostgresError`, for example when the query is refused.
    package static func open(
        on pool: PostgresPool, _ sql: String, _ values: [String?], released: @escaping @Sendable () -> Void
    ) async throws -> PostgresCursor {
        let cursor = PostgresCursor(pool, released: released)
        // An earlier reader may have left in the middle, and PostgreSQL may have ended its connection since.
        _ = try? await pool.query("rollback")
        try await pool.run { connection in
            try connection.query("begin read only")
            try connection.query(
                "select set_config('idle_in_transaction_session_timeout', $1, true)", ["\(idleSecondsMax)s"])
            try connection.query("declare portion no scroll cursor for " + sql, values)
        }
        return cursor
    }

    /// The next rows, at most `count`; none at the end, which ends the transaction.
    package func next(_ count: Int) async throws -> [PostgresRow] {
        let rows = try await pool.query("fetch forward \(count) from portion")
        if rows.isEmpty { try await pool.query("commit") }
        return rows
    }

    deinit { released() }
}
