/// Validates a whole JSON document in one pass and locates its top-level members.
///
/// It checks grammar, escapes, UTF-8 (no overlong forms, no surrogates), nesting and duplicate names, so that every
/// parser reads a valid document alike and it can be edited by byte ranges.
package enum JSONScanner {
    package static let depthMax = 64
    package static let membersMax = 4096

    /// The members of the object that `bytes` holds, in order.
    package static func members(of bytes: [UInt8]) throws(JSONError) -> [JSONMember] {
        try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in
            var scan = Scan(buffer)
            return try scan.document()
        }
    }
}

/// A member of an object: the byte ranges of its name and value.
package struct JSONMember: Sendable, Equatable {
    /// The range between the quotes.
    package var name: Range<Int>
    package var value: Range<Int>

    /// From the opening quote of the name to the end of the value.
    package var whole: Range<Int> { (name.lowerBound - 1)..<value.upperBound }
}

/// A cursor over the bytes; `at` is the next one.
struct Scan {
    private let base: UnsafePointer<UInt8>
    let count: Int
    var at = 0
    /// Hashes of the names in all open objects, innermost last.
    private var names = NameStack()

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        // An empty array may have no address; nothing is read beyond `count`.
        base = bytes.baseAddress ?? UnsafePointer(Self.nothing)
        count = bytes.count
    }

    nonisolated(unsafe) private static let nothing = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)

    var peek: UInt8 { at < count ? base[at] : 0 }

    func byte(_ offset: Int) -> UInt8 { at + offset < count ? base[at + offset] : 0 }

    func word(_ offset: Int) -> UInt64 {
        UnsafeRawPointer(base).loadUnaligned(fromByteOffset: at + offset, as: UInt64.self)
    }

    func slice(_ range: Range<Int>) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: base + range.lowerBound, count: range.count)
    }

    mutating func document() throws(JSONError) -> [JSONMember] {
        skipSpace()
        guard at < count else { throw .empty }
        guard peek == UInt8(ascii: "{") else {
            try value(depth: 0)
            throw .notAnObject
        }
        var members: [JSONMember] = []
        members.reserveCapacity(12)
        try object(depth: 1) { member throws(JSONError) in
            guard members.count < JSONScanner.membersMax else { throw .tooManyMembers }
            members.append(member)
        }
        skipSpace()
        guard at == count else { throw .syntax(at: at) }
        return members
    }

    /// Skips one value. Recursion is bounded by `depthMax`.
    mutating func value(depth: Int) throws(JSONError) {
        switch peek {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "{"): try object(depth: depth + 1) { _ throws(JSONError) in }
        case UInt8(ascii: "["): try array(depth: depth + 1)
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        default: try number()
        }
    }

    @inline(__always)
    private mutating func object(
        depth: Int, _ body: (JSONMember) throws(JSONError) -> Void
    ) throws(JSONError) {
        guard depth <= JSONScanner.depthMax else { throw .tooDeep(at: at) }
        at += 1
        skipSpace()
        if peek == UInt8(ascii: "}") {
            at += 1
            return
        }
        let mark = names.open()
        while true {
            let name = try string()
            guard names.insert(slice(name), since: mark) else {
                throw .duplicateKey(JSONString.unescaped(slice(name)), depth: depth)
            }
            skipSpace()
            guard peek == UInt8(ascii: ":") else { throw .syntax(at: at) }
            at += 1
            skipSpace()
            let start = at
            try value(depth: depth)
            try body(JSONMember(name: name, value: start..<at))
            guard try continues(until: UInt8(ascii: "}")) else { break }
        }
        names.close(mark)
    }

    private mutating func array(depth: Int) throws(JSONError) {
        guard depth <= JSONScanner.depthMax else { throw .tooDeep(at: at) }
        at += 1
        skipSpace()
        if peek == UInt8(ascii: "]") {
            at += 1
            return
        }
        repeat { try value(depth: depth) } while try continues(until: UInt8(ascii: "]"))
    }

    /// After an element: true at a comma, false at the end of the container.
    private mutating func continues(until close: UInt8) throws(JSONError) -> Bool {
        skipSpace()
        let sign = peek
        guard sign == close || sign == UInt8(ascii: ",") else { throw .syntax(at: at) }
        at += 1
        if sign == close { return false }
        skipSpace()
        return true
    }

    mutating func skipSpace() {
        while at < count, base[at] == 0x20 || base[at] == 0x0a || base[at] == 0x0d || base[at] == 0x09 { at += 1 }
    }
}
