internal import Crypto

/// Digests a JSON document incrementally, in chunks cut anywhere.
///
/// Two documents that differ only in the order of members and in insignificant space (RFC 8259 §2) have the same
/// digest; any other difference gives another one.
///
/// Scalars and names are compared byte by byte: `1.0` is not `1`, and `"\u0061"` is not `"a"`. The document is
/// validated elsewhere: for invalid JSON, or an object with a member twice, the digest is meaningless.
///
/// The digested text has no space, members sorted by the bytes of their names, and, in place of a member's value longer
/// than `inlineBytesMax`, a zero byte, which JSON never contains, and the SHA-256 of that value's text. So an object
/// can be sorted at its end without storing its values, and what is stored stays small.
package struct CanonicalDigest: Sendable {
    /// Maximum nesting; the same as `JSONScanner` accepts.
    package static let depthMax = 64
    /// Maximum members of all open objects. A document with more has no digest.
    package static let membersMax = 16_384
    /// Maximum bytes stored for the names and values of all open objects. A document with more has no digest.
    package static let keptBytesMax = 4 << 20
    static let inlineBytesMax = 256
    /// Bytes of a long value that are buffered before they are hashed.
    static let stagingBytesMax = 4_096
    package static let bytes = 32

    private enum Reading {
        /// Between tokens.
        case between
        /// Inside a string, and after a backslash in one.
        case string, escape
        /// Inside a number or a literal.
        case scalar
    }

    /// An open container.
    private enum Frame {
        case array
        /// Where its members begin in `members`, and where their bytes begin in `kept`.
        case object(members: Int, kept: Int, expectsName: Bool)
    }

    /// The text of a value being read: the bytes of `kept` from `start` on, and the hash of those before that.
    private struct Sink {
        var start: Int
        var hash: SHA256?
    }

    private struct Member {
        var name: Range<Int>
        var value: Range<Int>
    }

    private var reading = Reading.between
    private var isName = false
    private var frames: [Frame] = []
    /// How many of `frames` are objects. Each has a sink while one of its values is being read; any other count means
    /// invalid JSON.
    private var objects = 0
    private var sinks = [Sink(start: 0, hash: nil)]
    private var members: [Member] = []
    /// Names and values of members, one after another, then the tail of the value being read.
    private var kept: [UInt8] = []
    private var nameStart = 0
    private var nameEnd = 0
    private var isComplete = false
    /// The document is invalid, or exceeds a bound.
    private var isGivenUp = false

    package init() {}

    /// The digest of the whole document, 32 bytes; `nil` when it is incomplete, found to be invalid, or exceeds a
    /// bound.
    package consuming func finish() -> [UInt8]? {
        if case .scalar = reading { valueEnded() }
        guard isComplete, !isGivenUp, frames.isEmpty else { return nil }
        var hash = sinks[0].hash ?? SHA256()
        kept.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return Array(hash.finalize())
    }

    /// Digests the next bytes of the document. After a bound is exceeded it does nothing.
    package mutating func feed(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { buffer in
            var at = 0
            while at < buffer.count, !isGivenUp { at = step(buffer, at) }
        }
    }

    private mutating func step(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int {
        switch reading {
        case .between: return token(bytes, at)
        case .string: return string(bytes, at)
        case .escape:
            reading = .string
            put(UnsafeBufferPointer(rebasing: bytes[at..<at + 1]))
            return at + 1
        case .scalar:
            var end = at
            while end < bytes.count, !Self.endsScalar(bytes[end]) { end += 1 }
            put(UnsafeBufferPointer(rebasing: bytes[at..<end]))
            if end < bytes.count { valueEnded() }
            return end
        }
    }

    private static func endsScalar(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x0a, 0x0d, 0x09, UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"): true
        default: false
        }
    }

    // MARK: Tokens

    private mutating func token(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int {
        let byte = bytes[at]
        switch byte {
        case 0x20, 0x0a, 0x0d, 0x09, UInt8(ascii: ":"): return at + 1
        case UInt8(ascii: "\""): beginString()
        case UInt8(ascii: "{"): begin(.object(members: members.count, kept: kept.count, expectsName: true))
        case UInt8(ascii: "["):
            put("[")
            begin(.array)
        case UInt8(ascii: "}"): endObject()
        case UInt8(ascii: "]"): endArray()
        case UInt8(ascii: ","): comma()
        default:
            guard !expectsName, mayBeginValue else {
                giveUp()
                return at
            }
            reading = .scalar
            return at
        }
        return at + 1
    }

    private var expectsName: Bool { if case .object(_, _, true)? = frames.last { true } else { false } }

    /// Whether a value may begin: the document's, an element's, or that of a member without one.
    private var mayBeginValue: Bool { !isComplete && sinks.count == objects + 1 }

    private mutating func begin(_ frame: Frame) {
        guard frames.count < Self.depthMax, !expectsName, mayBeginValue else { return giveUp() }
        frames.append(frame)
        if case .object = frame { objects += 1 }
    }

    private mutating func beginString() {
        guard expectsName || mayBeginValue else { return giveUp() }
        reading = .string
        isName = expectsName
        if isName { nameStart = kept.count } else { put("\"") }
    }

    private mutating func string(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int {
        var end = at
        while end < bytes.count, bytes[end] != UInt8(ascii: "\""), bytes[end] != UInt8(ascii: "\\") { end += 1 }
        guard end < bytes.count else {
            put(UnsafeBufferPointer(rebasing: bytes[at..<end]))
            return end
        }
        guard bytes[end] == UInt8(ascii: "\"") else {
            put(UnsafeBufferPointer(rebasing: bytes[at...end]))
            reading = .escape
            return end + 1
        }
        put(UnsafeBufferPointer(rebasing: bytes[at..<end]))
        if isName { nameEnded() } else { stringEnded() }
        return end + 1
    }

    private mutating func stringEnded() {
        put("\"")
        valueEnded()
    }

    private mutating func nameEnded() {
        reading = .between
        isName = false
        guard case .object(let first, let mark, _)? = frames.last, members.count < Self.membersMax else {
            return giveUp()
        }
        frames[frames.count - 1] = .object(members: first, kept: mark, expectsName: false)
        nameEnd = kept.count
        members.append(Member(name: nameStart..<nameEnd, value: nameEnd..<nameEnd))
        sinks.append(Sink(start: nameEnd, hash: nil))
    }

    private mutating func comma() {
        switch frames.last {
        case .array: put(",")
        case .object(let first, let mark, _):
            guard sinks.count == objects else { return giveUp() }
            frames[frames.count - 1] = .object(members: first, kept: mark, expectsName: true)
        case nil: giveUp()
        }
    }

    // MARK: Ends

    private mutating func endArray() {
        guard case .array? = frames.last else { return giveUp() }
        frames.removeLast()
        put("]")
        valueEnded()
    }

    private mutating func endObject() {
        guard case .object(let first, let mark, _)? = frames.last, sinks.count == objects else { return giveUp() }
        frames.removeLast()
        objects -= 1
        let text = sorted(members[first...])
        members.removeLast(members.count - first)
        kept.removeLast(kept.count - mark)
        text.withUnsafeBufferPointer { put($0) }
        valueEnded()
    }

    /// The canonical text of an object.
    private func sorted(_ open: ArraySlice<Member>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(open.reduce(2) { $0 + $1.name.count + $1.value.count + 4 })
        text.append(UInt8(ascii: "{"))
        let order = open.sorted { kept[$0.name].lexicographicallyPrecedes(kept[$1.name]) }
        for (at, member) in order.enumerated() {
            if at > 0 { text.append(UInt8(ascii: ",")) }
            text.append(UInt8(ascii: "\""))
            text += kept[member.name]
            text.append(UInt8(ascii: "\""))
            text.append(UInt8(ascii: ":"))
            text += kept[member.value]
        }
        text.append(UInt8(ascii: "}"))
        return text
    }

    /// Completes a value: the document, an element, or a member's value, which is replaced by its hash if it is long.
    private mutating func valueEnded() {
        reading = .between
        switch frames.last {
        case nil: isComplete = true
        case .array: break
        case .object:
            guard sinks.count > 1, let sink = sinks.popLast(), !members.isEmpty else { return giveUp() }
            if var hash = sink.hash {
                kept[sink.start...].withUnsafeBytes { hash.update(bufferPointer: $0) }
                kept.removeLast(kept.count - sink.start)
                kept.append(0)
                kept += hash.finalize()
            }
            members[members.count - 1].value = sink.start..<kept.count
        }
    }

    private mutating func giveUp() {
        isGivenUp = true
        kept = []
        members = []
        frames = []
        sinks = [Sink(start: 0, hash: nil)]
    }

    // MARK: Text

    private mutating func put(_ text: StaticString) {
        put(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends to the name or the value being read.
    private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
        kept.append(contentsOf: bytes)
        guard !isName else {
            if kept.count > Self.keptBytesMax { giveUp() }
            return
        }
        let top = sinks.count - 1
        let isHashed = sinks[top].hash != nil
        guard kept.count - sinks[top].start > (isHashed ? Self.stagingBytesMax : Self.inlineBytesMax) else { return }
        var hash = sinks[top].hash ?? SHA256()
        sinks[top].hash = nil
        kept[sinks[top].start...].withUnsafeBytes { hash.update(bufferPointer: $0) }
        sinks[top].hash = hash
        kept.removeLast(kept.count - sinks[top].start)
        if kept.count > Self.keptBytesMax { giveUp() }
    }
}
