internal import CHiredis

/// Parses replies with hiredis's reader; no other file calls hiredis for reading.
///
/// Not thread-safe: it belongs to its connection's event loop. By default hiredis builds a tree for each reply, with
/// two allocations per element; a `ReplyBuilder` receives the elements instead.
package struct RESPReader: ~Copyable {
    private let reader: UnsafeMutablePointer<redisReader>
    private let builder = ReplyBuilder()
    private let replyBytesMax: Int
    private var unparsedBytes = 0
    private var lengthGuard = RESPGuard()

    /// - Parameter replyBytesMax: the largest accepted reply in bytes, complete or not; a longer one is an error.
    package init(replyBytesMax: Int) {
        guard let reader = redisReaderCreateWithFunctions(ReplyBuilder.functions) else {
            preconditionFailure("out of memory for a RESP reader")
        }
        reader.pointee.privdata = Unmanaged.passUnretained(builder).toOpaque()
        self.reader = reader
        self.replyBytesMax = replyBytesMax
    }

    deinit { redisReaderFree(reader) }

    /// Adds received bytes, cut anywhere.
    ///
    /// - Throws: `protocolViolation`, after which the connection cannot be used further.
    package mutating func feed(_ bytes: UnsafeRawBufferPointer) throws(RedisError) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        unparsedBytes += bytes.count
        guard unparsedBytes <= replyBytesMax else {
            throw .protocolViolation("a reply larger than \(replyBytesMax) bytes")
        }
        try lengthGuard.check(bytes, bulkBytesMax: replyBytesMax)
        guard redisReaderFeed(reader, base.assumingMemoryBound(to: CChar.self), bytes.count) == REDIS_OK else {
            throw .protocolViolation(message)
        }
    }

    /// The next complete reply, or `nil` until more bytes are fed.
    ///
    /// - Throws: `protocolViolation`, after which the connection cannot be used further.
    package mutating func next() throws(RedisError) -> RESPValue? {
        var reply: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw .protocolViolation(message) }
        guard reply != nil else { return nil }
        unparsedBytes = 0
        return builder.finish()
    }

    private var message: String {
        withUnsafeBytes(of: reader.pointee.errstr) { raw in
            String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

/// Collects the elements of one reply in the order hiredis reports them: each array before its elements.
private final class ReplyBuilder {
    private enum Element {
        case value(RESPValue)
        case array(count: Int)
    }

    private var elements: [Element] = []

    private func add(_ element: Element) -> UnsafeMutableRawPointer? {
        elements.append(element)
        // hiredis only checks that it is not null.
        return UnsafeMutableRawPointer(bitPattern: elements.count)
    }

    /// Returns the completed reply.
    func finish() -> RESPValue {
        var at = 0
        let value = self.value(&at)
        elements.removeAll(keepingCapacity: true)
        return value
    }

    private func value(_ at: inout Int) -> RESPValue {
        guard at < elements.count else { return .null }
        let element = elements[at]
        at += 1
        switch element {
        case .value(let value): return value
        case .array(let count):
            var items: [RESPValue] = []
            items.reserveCapacity(count)
            for _ in 0..<count { items.append(value(&at)) }
            return .array(items)
        }
    }

    private static func of(_ task: UnsafePointer<redisReadTask>?) -> ReplyBuilder? {
        guard let data = task?.pointee.privdata else { return nil }
        return Unmanaged<ReplyBuilder>.fromOpaque(data).takeUnretainedValue()
    }

    /// `nil` when it is not UTF-8. ASCII, which nearly all replies are, is told by its bytes: the check of the standard
    /// library takes a thousand instructions for a short text.
    private static func text(of raw: UnsafeRawBufferPointer) -> String? {
        var high: UInt8 = 0
        for byte in raw { high |= byte }
        return high < 0x80 ? String(decoding: raw, as: UTF8.self) : String(validating: raw, as: UTF8.self)
    }

    nonisolated(unsafe) static let functions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
        let made = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
        made.initialize(
            to: redisReplyObjectFunctions(
                createString: { task, bytes, count in
                    let raw = UnsafeRawBufferPointer(start: bytes, count: count)
                    let isError = task?.pointee.type == REDIS_REPLY_ERROR
                    guard let text = ReplyBuilder.text(of: raw) else {
                        let repaired = String(decoding: raw, as: UTF8.self)
                        return ReplyBuilder.of(task)?.add(.value(isError ? .error(repaired) : .bytes(Array(raw))))
                    }
                    return ReplyBuilder.of(task)?.add(.value(isError ? .error(text) : .string(text)))
                },
                createArray: { task, count in ReplyBuilder.of(task)?.add(.array(count: Int(count))) },
                createInteger: { task, number in ReplyBuilder.of(task)?.add(.value(.integer(number))) },
                createNil: { task in ReplyBuilder.of(task)?.add(.value(.null)) },
                freeObject: { _ in }))
        return made
    }()
}
