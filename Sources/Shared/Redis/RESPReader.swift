internal import CHiredis

/// Turns bytes into replies with hiredis's reader; the only file that calls hiredis for reading.
///
/// Not thread-safe: it lives on its connection's event loop. `redisReaderFeed` copies what it is given; a reply is a tree
/// hiredis allocates, copied into Swift values and freed here at once.
package struct RESPReader: ~Copyable {
    /// The bytes of one reply, complete or not, that are accepted. Anything longer closes the connection.
    static let defaultReplyBytesMax = 1 << 20

    private let reader: UnsafeMutablePointer<redisReader>
    private let replyBytesMax: Int
    private var unparsedBytes = 0
    private var guarding = RESPGuard()

    package init(replyBytesMax: Int) {
        guard let reader = redisReaderCreate() else { preconditionFailure("out of memory for a RESP reader") }
        self.reader = reader
        self.replyBytesMax = replyBytesMax
    }

    deinit { redisReaderFree(reader) }

    package mutating func feed(_ bytes: UnsafeRawBufferPointer) throws(RedisError) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        unparsedBytes += bytes.count
        guard unparsedBytes <= replyBytesMax else {
            throw .protocolViolation("a reply larger than \(replyBytesMax) bytes")
        }
        try guarding.check(bytes, bulkBytesMax: replyBytesMax)
        guard redisReaderFeed(reader, base.assumingMemoryBound(to: CChar.self), bytes.count) == REDIS_OK else {
            throw .protocolViolation(message)
        }
    }

    /// The next complete reply, or `nil` until more bytes are fed.
    package mutating func next() throws(RedisError) -> RESPValue? {
        var reply: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw .protocolViolation(message) }
        guard let reply else { return nil }
        defer { freeReplyObject(reply) }
        unparsedBytes = 0
        return Self.value(reply.assumingMemoryBound(to: redisReply.self).pointee)
    }

    private var message: String {
        withUnsafeBytes(of: reader.pointee.errstr) { raw in
            String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    private static func value(_ reply: redisReply) -> RESPValue {
        switch reply.type {
        case REDIS_REPLY_INTEGER: return .integer(reply.integer)
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: return .string(text(reply))
        case REDIS_REPLY_ERROR: return .error(text(reply))
        case REDIS_REPLY_ARRAY:
            return .array(
                (0..<reply.elements).map { at in
                    guard let element = reply.element[at] else { return .null }
                    return value(element.pointee)
                })
        default: return .null
        }
    }

    private static func text(_ reply: redisReply) -> String {
        guard let bytes = reply.str else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: bytes, count: Int(reply.len)), as: UTF8.self)
    }
}
