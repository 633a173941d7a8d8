internal import CHiredis
internal import NIOCore

/// A command and its arguments.
package struct RedisCommand: Sendable {
    package var words: [String]

    package init(_ words: [String]) { self.words = words }

    /// `FCALL function <count of keys> keys… arguments…`
    package init(function: String, keys: [String], arguments: [String]) {
        words = ["FCALL", function, String(keys.count)] + keys + arguments
    }

    /// Appends the command's RESP form, made by `redisFormatCommandArgv`.
    func write(into buffer: inout ByteBuffer) {
        withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: words.count) { pointers in
            withUnsafeTemporaryAllocation(of: Int.self, capacity: words.count) { lengths in
                Self.withPinned(words, 0, pointers, lengths) {
                    var formatted: UnsafeMutablePointer<CChar>?
                    let count = redisFormatCommandArgv(
                        &formatted, Int32(words.count), pointers.baseAddress, lengths.baseAddress)
                    guard count >= 0, let formatted else { preconditionFailure("out of memory for a Redis command") }
                    buffer.writeBytes(UnsafeRawBufferPointer(start: formatted, count: Int(count)))
                    redisFreeCommand(formatted)
                }
            }
        }
    }

    /// Nests `withUTF8` over all words, so that every pointer lives while `body` runs and nothing is duplicated.
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
