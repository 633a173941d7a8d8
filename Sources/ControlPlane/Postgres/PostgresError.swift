/// Why a statement has no result.
package enum PostgresError: Error, Sendable, CustomStringConvertible {
    /// No connection could be made, or it broke. A statement in flight may or may not have taken effect.
    case unreachable(String)
    /// The server refused the statement: SQLSTATE, message, and the hint if there is one.
    case refused(state: String, message: String, hint: String?)
    /// Too many jobs are waiting for a connection.
    case overloaded

    package var description: String {
        switch self {
        case .unreachable(let reason): "PostgreSQL cannot be reached: \(reason)"
        case .refused(let state, let message, let hint): "\(message)\(hint.map { " (\($0))" } ?? "") [\(state)]"
        case .overloaded: "too many statements wait for PostgreSQL"
        }
    }
}
