/// A reply of the RESP2 protocol.
package enum RESPValue: Sendable, Equatable {
    case null
    case integer(Int64)
    /// Status and bulk replies: both are just text to a caller.
    case string(String)
    /// A bulk reply that is not UTF-8.
    case bytes([UInt8])
    case error(String)
    case array([RESPValue])

    package var string: String? {
        switch self {
        case .string(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .integer(let number): String(number)
        case .null, .error, .array: nil
        }
    }

    /// Integers arrive as RESP integers or, from scripts that avoid Lua's doubles, as decimal text.
    package var integer: Int64? {
        switch self {
        case .integer(let number): number
        case .string(let text): Int64(text)
        case .null, .bytes, .error, .array: nil
        }
    }

    /// The `run_id` in a reply to `INFO server`: it tells one process of Redis from another.
    package var runID: String? {
        string?.split(whereSeparator: \.isNewline).first { $0.hasPrefix("run_id:") }
            .map { String($0.dropFirst("run_id:".count)) }
    }

    /// A bulk reply as it was sent.
    package var bytes: [UInt8]? {
        switch self {
        case .string(let text): Array(text.utf8)
        case .bytes(let bytes): bytes
        case .null, .integer, .error, .array: nil
        }
    }

    package var array: [RESPValue]? {
        if case .array(let items) = self { items } else { nil }
    }
}

/// Why a call to Redis brought no reply.
package enum RedisError: Error, Sendable, CustomStringConvertible {
    /// No connection stands; the call was not sent.
    case notConnected
    /// The connection broke after the call was queued: it may or may not have been carried out.
    case connectionLost
    /// No reply within the deadline: it may or may not have been carried out.
    case deadlineExceeded
    /// Redis answered with an error.
    case refused(String)
    /// The bytes received are no RESP, or exceed a bound.
    case protocolViolation(String)

    package var description: String {
        switch self {
        case .notConnected: "no connection to Redis"
        case .connectionLost: "the connection to Redis broke"
        case .deadlineExceeded: "Redis did not answer in time"
        case .refused(let message): "Redis refused: \(message)"
        case .protocolViolation(let what): "Redis sent something unreadable: \(what)"
        }
    }
}
