internal import CPQ
internal import Glibc

/// One libpq connection; no other file calls libpq.
///
/// A `PGconn` must not be used by two threads at once (libpq §34.21), so an instance belongs to the thread that made
/// it. Statements are sent with `PQexecParams`, with all values as parameters; only `script` uses `PQexec`.
package final class PostgresConnection {
    private let connection: OpaquePointer
    /// What the server said of the last statement it refused.
    package private(set) var lastRefusal: PostgresRefusal?

    /// - Parameters:
    ///   - url: a connection URI or key/value string of libpq.
    ///   - role: the role to switch to after login.
    /// - Throws: `PostgresError.unreachable` within about five seconds.
    package init(url: String, role: String? = nil, statementTimeoutMs: Int = 30_000) throws(PostgresError) {
        guard let made = Self.connect(url) else { throw .unreachable("out of memory") }
        connection = made
        guard PQstatus(made) == CONNECTION_OK else { throw .unreachable(Self.message(of: made)) }
        PQsetNoticeProcessor(made, { _, _ in }, nil)
        try query(
            "select set_config('statement_timeout', $1, false), set_config('timezone', 'UTC', false)",
            [String(statementTimeoutMs)])
        if let role { try query("select set_config('role', $1, false)", [role]) }
    }

    deinit { PQfinish(connection) }

    /// Bounds waits on a server that is cut off (libpq §34.1.2).
    ///
    /// Connecting takes at most 5 s, unacknowledged data 10 s, a silent peer 5 + 3 × 5 s.
    private static let bounds = [
        ("connect_timeout", "5"), ("tcp_user_timeout", "10000"), ("keepalives_idle", "5"), ("keepalives_interval", "5"),
        ("keepalives_count", "3"),
    ]

    private static func connect(_ url: String) -> OpaquePointer? {
        let words = [("dbname", url)] + bounds
        let keys = words.map { strdup($0.0) }
        let values = words.map { strdup($0.1) }
        defer { for copy in keys + values { free(copy) } }
        // `dbname` is expanded when it is a URI or a key/value string; the parameters after it override it.
        return PQconnectdbParams(keys.map { UnsafePointer($0) } + [nil], values.map { UnsafePointer($0) } + [nil], 1)
    }

    package var isBroken: Bool { PQstatus(connection) != CONNECTION_OK }

    /// Runs one statement with `values` bound to `$1`, `$2`, …
    @discardableResult
    package func query(_ sql: String, _ values: [String?] = []) throws(PostgresError) -> [PostgresRow] {
        // libpq reads a value up to its first NUL: refuse it, as PostgreSQL would, instead of storing it truncated.
        guard !values.contains(where: { $0?.utf8.contains(0) == true }) else {
            throw .refused(state: "22021", message: "text with a NUL character cannot be stored", hint: nil)
        }
        let copies = values.map { $0.map { strdup($0) } }
        defer { for copy in copies { free(copy ?? nil) } }
        let pointers = copies.map { UnsafePointer($0 ?? nil) }
        return try rows(PQexecParams(connection, sql, Int32(values.count), nil, pointers, nil, nil, 0))
    }

    /// Runs a script of several statements without parameters. For migrations and `listen` only.
    package func script(_ sql: String) throws(PostgresError) { _ = try rows(PQexec(connection, sql)) }

    /// Runs `body` in a transaction: commits when it returns, rolls back when it throws.
    package func transaction<T>(_ body: () throws -> T) throws -> T {
        try query("begin")
        do {
            let value = try body()
            try query("commit")
            return value
        } catch {
            _ = try? query("rollback")
            throw error
        }
    }

    private func rows(_ result: OpaquePointer?) throws(PostgresError) -> [PostgresRow] {
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK: return []
        case PGRES_TUPLES_OK: return Self.decode(result)
        default:
            guard PQstatus(connection) == CONNECTION_OK, let state = PQresultErrorField(result, Self.sqlState) else {
                throw .unreachable(Self.message(of: connection))
            }
            lastRefusal = PostgresRefusal(
                detail: Self.field(result, Self.detail), table: Self.field(result, Self.table),
                column: Self.field(result, Self.column), constraint: Self.field(result, Self.constraint))
            throw .refused(
                state: String(cString: state), message: Self.field(result, Self.primaryMessage) ?? "refused",
                hint: Self.field(result, Self.hint))
        }
    }

    // The field codes of PQresultErrorField are character macros, which Swift does not import.
    private static let sqlState = Int32(UInt8(ascii: "C"))
    private static let primaryMessage = Int32(UInt8(ascii: "M"))
    private static let hint = Int32(UInt8(ascii: "H"))
    private static let detail = Int32(UInt8(ascii: "D"))
    private static let table = Int32(UInt8(ascii: "t"))
    private static let column = Int32(UInt8(ascii: "c"))
    private static let constraint = Int32(UInt8(ascii: "n"))

    private static func field(_ result: OpaquePointer?, _ code: Int32) -> String? {
        PQresultErrorField(result, code).map { String(cString: $0) }
    }

    private static func decode(_ result: OpaquePointer?) -> [PostgresRow] {
        let width = PQnfields(result)
        let columns = Dictionary((0..<width).map { (String(cString: PQfname(result, $0)), Int($0)) }) { first, _ in
            first
        }
        return (0..<PQntuples(result)).map { row in
            let values = (0..<width).map { column in
                PQgetisnull(result, row, column) == 1 ? nil : String(cString: PQgetvalue(result, row, column))
            }
            return PostgresRow(columns: columns, values: values)
        }
    }

    private static func message(of connection: OpaquePointer) -> String {
        String(cString: PQerrorMessage(connection)).split(whereSeparator: \.isNewline).joined(separator: "; ")
    }

    /// Waits for notifications on the subscribed channels. Returns whether any arrived in time.
    package func waitForNotification(milliseconds: Int32) throws(PostgresError) -> Bool {
        var descriptor = pollfd(fd: PQsocket(connection), events: Int16(POLLIN), revents: 0)
        poll(&descriptor, 1, milliseconds)
        guard PQconsumeInput(connection) == 1 else { throw .unreachable(Self.message(of: connection)) }
        var any = false
        while let notification = PQnotifies(connection) {
            any = true
            PQfreemem(notification)
        }
        return any
    }
}
