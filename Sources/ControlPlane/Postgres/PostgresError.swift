/// Why a statement brought no result.
package enum PostgresError: Error, Sendable, CustomStringConvertible {
    /// No connection could be made, or it broke. Nothing is known of a statement under way.
    case unreachable(String)
    /// The server refused: its SQLSTATE, the message, and the hint if it gave one.
    case refused(state: String, message: String, hint: String?)
    /// Too many jobs wait for a connection.
    case overloaded

    package var description: String {
        switch self {
        case .unreachable(let reason): "PostgreSQL cannot be reached: \(reason)"
        case .refused(let state, let message, let hint): "\(message)\(hint.map { " (\($0))" } ?? "") [\(state)]"
        case .overloaded: "too many statements wait for PostgreSQL"
        }
    }
}
