internal import CHiredis
internal import NIOCore

/// A command with its arguments.
package struct RedisCommand: Sendable {
    /// The name and the arguments; empty for a command that was given in RESP.
    package let words: [String]
    private let encoded: [UInt8]

    /// - Parameter words: the command's name, then its arguments. Each is sent as one bulk string with its length, so
    ///   none needs escaping.
    package init(_ words: [String]) {
        self.words = words
        encoded = []
    }

    /// - Parameter encoded: the complete command in RESP.
    package init(encoded: [UInt8]) {
        words = []
        self.encoded = encoded
    }

    /// `FCALL function <number of keys> keys… arguments…`
    package init(function: String, keys: [String], arguments: [String]) {
        self.init(["FCALL", function, String(keys.count)] + keys + arguments)
    }

    /// The command in RESP, built by `redisFormatCommandArgv`.
    private var formatted: [UInt8] {
        guard encoded.isEmpty else { return encoded }
        return withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: words.count) { pointers in
            withUnsafeTemporaryAllocation(of: Int.self, capacity: words.count) { lengths in
                var out: [UInt8] = []
                Self.withPinned(words, 0, pointers, lengths) {
                    var made: UnsafeMutablePointer<CChar>?
                    let count = redisFormatCommandArgv(
                        &made, Int32(words.count), pointers.baseAddress, lengths.baseAddress)
                    guard count >= 0, let made else { preconditionFailure("out of memory for a Redis command") }
                    out.append(contentsOf: UnsafeRawBufferPointer(start: made, count: Int(count)))
                    redisFreeCommand(made)
                }
                return out
            }
        }
    }

    /// Appends the command in RESP.
    package func write(into buffer: inout [UInt8]) { buffer += formatted }
    func write(into buffer: inout ByteBuffer) { buffer.writeBytes(formatted) }

    /// Nests `withUTF8` over all words, so that every pointer is valid while `body` runs and nothing is copied.
    private static func withPinned(
        _ words: [String], _ at: Int, _ pointers: UnsafeMutableBufferPointer<UnsafePointer<CChar>?>,
        _ lengths: UnsafeMutableBufferPointer<Int>, _ body: () -> Void
    ) {
        guard at < words.count else { return body() }
        var word = words[at]
        word.withUTF8 { bytes in
            pointers[at] = bytes.baseAddress.map { UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self) }
            lengths[at] = bytes.count
            withPinned(words, at + 1, pointers, lengths, body)
        }
    }
}
