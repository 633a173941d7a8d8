/// What PostgreSQL said of a refused statement beside its message (libpq, `PQresultErrorField`); `nil` for what it did
/// not say.
package struct PostgresRefusal: Sendable {
    /// May quote the whole refused row, so it is not for everyone.
    package let detail: String?
    package let table: String?
    package let column: String?
    package let constraint: String?
}
