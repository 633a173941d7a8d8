/// A reply of the RESP2 protocol.
package enum RESPValue: Sendable, Equatable {
    case null
    case integer(Int64)
    /// A status or bulk reply; callers need not tell them apart.
    case string(String)
    /// A bulk reply that is not UTF-8.
    case bytes([UInt8])
    case error(String)
    case array([RESPValue])

    /// The text of a reply, an integer as decimal text; `nil` for null, errors and arrays.
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

    /// The `run_id` in a reply to `INFO server`, which identifies the Redis process.
    package var runID: String? {
        string?.split(whereSeparator: \.isNewline).first { $0.hasPrefix("run_id:") }
            .map { String($0.dropFirst("run_id:".count)) }
    }

    /// The bytes of a bulk reply.
    package var bytes: [UInt8]? {
        switch self {
        case .string(let text): Array(text.utf8)
        case .bytes(let bytes): bytes
        case .null, .integer, .error, .array: nil
        }
    }

    /// The elements of an array reply.
    package var array: [RESPValue]? {
        if case .array(let items) = self { items } else { nil }
    }
}

/// Why a call to Redis has no reply.
package enum RedisError: Error, Sendable, CustomStringConvertible {
    /// There is no connection, or too many calls wait on it; the call was not sent.
    case notConnected
    /// The connection broke after the call was queued: it may or may not have been executed.
    case connectionLost
    /// No reply within the deadline: the call may or may not have been executed.
    case deadlineExceeded
    /// Redis answered with an error.
    case refused(String)
    /// The received bytes are not RESP, or exceed a limit.
    case protocolViolation(String)

    package var description: String {
        switch self {
        case .notConnected: "no connection to Redis"
        case .connectionLost: "the connection to Redis broke"
        case .deadlineExceeded: "Redis did not answer in time"
        case .refused(let message): "Redis refused: \(message)"
        case .protocolViolation(let what): "Redis sent a malformed reply: \(what)"
        }
    }
}
