/// Validates a whole JSON document in one pass and notes where its top-level members stand.
///
/// Grammar, escapes, UTF-8 (no overlong forms, no surrogates) and nesting are all checked, so whatever passes can be cut and
/// spliced by byte ranges afterwards. Strings are skipped 32 bytes a turn while they are plain ASCII.
package enum JSONScanner {
    package static let depthMax = 64
    package static let membersMax = 4096

    /// The members of the object that `bytes` holds, in order.
    package static func members(of bytes: [UInt8]) throws(JSONFlaw) -> [JSONMember] {
        var result: Result<[JSONMember], JSONFlaw> = .failure(.empty)
        bytes.withUnsafeBufferPointer { buffer in
            do throws(JSONFlaw) {
                var scan = Scan(buffer)
                result = .success(try scan.document())
            } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }
}

/// A member of an object: where its name (without quotes) and its value stand.
package struct JSONMember: Sendable, Equatable {
    package var name: String
    /// From the opening quote of the name to the end of the value.
    package var whole: Range<Int>
    package var value: Range<Int>
}

private struct Scan {
    let bytes: UnsafeBufferPointer<UInt8>
    var at = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    mutating func document() throws(JSONFlaw) -> [JSONMember] {
        skipSpace()
        guard at < bytes.count else { throw .empty }
        guard bytes[at] == UInt8(ascii: "{") else {
            try value(depth: 0)
            throw .notAnObject
        }
        let members = try topObject()
        skipSpace()
        guard at == bytes.count else { throw .syntax(at: at) }
        return members
    }

    private mutating func topObject() throws(JSONFlaw) -> [JSONMember] {
        var members: [JSONMember] = []
        var names: Set<String> = []
        at += 1
        skipSpace()
        if peek == UInt8(ascii: "}") {
            at += 1
            return members
        }
        while true {
            let start = at
            try string()
            let name = JSONString.unescaped(bytes[(start + 1)..<(at - 1)])
            guard names.insert(name).inserted else { throw .duplicateKey(name) }
            guard members.count < JSONScanner.membersMax else { throw .tooManyMembers }
            try colon()
            let valueStart = at
            try value(depth: 1)
            members.append(JSONMember(name: name, whole: start..<at, value: valueStart..<at))
            skipSpace()
            if peek == UInt8(ascii: "}") {
                at += 1
                return members
            }
            try comma()
        }
    }

    /// Steps over one value. Recursion is bounded by `depthMax`.
    private mutating func value(depth: Int) throws(JSONFlaw) {
        guard at < bytes.count else { throw .syntax(at: at) }
        switch bytes[at] {
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "{"): try container(close: UInt8(ascii: "}"), named: true, depth: depth + 1)
        case UInt8(ascii: "["): try container(close: UInt8(ascii: "]"), named: false, depth: depth + 1)
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        default: try number()
        }
    }

    private mutating func container(close: UInt8, named: Bool, depth: Int) throws(JSONFlaw) {
        guard depth <= JSONScanner.depthMax else { throw .tooDeep(at: at) }
        at += 1
        skipSpace()
        if peek == close {
            at += 1
            return
        }
        while true {
            if named {
                try string()
                try colon()
            }
            try value(depth: depth)
            skipSpace()
            if peek == close {
                at += 1
                return
            }
            try comma()
        }
    }

    private var peek: UInt8 { at < bytes.count ? bytes[at] : 0 }

    private mutating func skipSpace() {
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0a || bytes[at] == 0x0d || bytes[at] == 0x09 {
            at += 1
        }
    }

    private mutating func colon() throws(JSONFlaw) {
        skipSpace()
        guard peek == UInt8(ascii: ":") else { throw .syntax(at: at) }
        at += 1
        skipSpace()
    }

    private mutating func comma() throws(JSONFlaw) {
        guard peek == UInt8(ascii: ",") else { throw .syntax(at: at) }
        at += 1
        skipSpace()
    }

    private mutating func literal(_ word: StaticString) throws(JSONFlaw) {
        for offset in 0..<word.utf8CodeUnitCount {
            guard at < bytes.count, bytes[at] == word.utf8Start[offset] else { throw .syntax(at: at) }
            at += 1
        }
    }

    private mutating func number() throws(JSONFlaw) {
        if peek == UInt8(ascii: "-") { at += 1 }
        if peek == UInt8(ascii: "0") { at += 1 } else { try digits() }
        if peek == UInt8(ascii: ".") {
            at += 1
            try digits()
        }
        if peek | 0x20 == UInt8(ascii: "e") {
            at += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { at += 1 }
            try digits()
        }
    }

    private mutating func digits() throws(JSONFlaw) {
        let start = at
        while at < bytes.count, bytes[at] &- 0x30 < 10 { at += 1 }
        guard at > start else { throw .syntax(at: at) }
    }

    private mutating func string() throws(JSONFlaw) {
        guard peek == UInt8(ascii: "\"") else { throw .syntax(at: at) }
        at += 1
        while true {
            skipPlain()
            guard at < bytes.count else { throw .syntax(at: at) }
            let byte = bytes[at]
            if byte == 0x22 {
                at += 1
                return
            }
            if byte == 0x5c { try escape() } else if byte < 0x20 { throw .syntax(at: at) } else { try scalar(byte) }
        }
    }

    /// Moves over bytes that are neither quote, backslash, control nor beyond ASCII, 32 at a time.
    private mutating func skipPlain() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        guard let base = UnsafeRawPointer(bytes.baseAddress) else { return }
        func special(_ offset: Int) -> UInt64 {
            let word = base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5c)
            return (word &- ones &* 0x20) | (quote &- ones) | (backslash &- ones) | word
        }
        while bytes.count - at >= 32 {
            let any = special(at) | special(at + 8) | special(at + 16) | special(at + 24)
            if any & (ones &* 0x80) != 0 { break }
            at += 32
        }
        var budget = 32
        while budget > 0, at < bytes.count {
            let byte = bytes[at]
            guard byte >= 0x20, byte < 0x80, byte != 0x22, byte != 0x5c else { return }
            at += 1
            budget -= 1
        }
    }

    private mutating func escape() throws(JSONFlaw) {
        guard bytes.count - at >= 2 else { throw .syntax(at: at) }
        switch bytes[at + 1] {
        case 0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74: at += 2
        case 0x75: try unicodeEscape()
        default: throw .syntax(at: at)
        }
    }

    /// `\uXXXX`; a surrogate must come as a pair (RFC 8259 §8.2 leaves lone ones undefined, providers differ on them).
    private mutating func unicodeEscape() throws(JSONFlaw) {
        let first = try hex4()
        guard first & 0xf800 == 0xd800 else { return }
        guard first < 0xdc00, bytes.count - at >= 6, bytes[at] == 0x5c, bytes[at + 1] == 0x75 else {
            throw .syntax(at: at)
        }
        let second = try hex4()
        guard second & 0xfc00 == 0xdc00 else { throw .syntax(at: at) }
    }

    private mutating func hex4() throws(JSONFlaw) -> Int {
        guard bytes.count - at >= 6 else { throw .syntax(at: at) }
        var value = 0
        for offset in 2..<6 {
            let byte = bytes[at + offset]
            let letter = byte | 0x20
            if byte &- 0x30 < 10 {
                value = value << 4 | Int(byte - 0x30)
            } else if letter >= 0x61, letter <= 0x66 {
                value = value << 4 | Int(letter - 0x57)
            } else {
                throw .syntax(at: at + offset)
            }
        }
        at += 6
        return value
    }

    /// One scalar of UTF-8 as RFC 3629 allows it.
    private mutating func scalar(_ lead: UInt8) throws(JSONFlaw) {
        func trail(_ offset: Int, _ low: UInt8 = 0x80, _ high: UInt8 = 0xbf) -> Bool {
            at + offset < bytes.count && bytes[at + offset] >= low && bytes[at + offset] <= high
        }
        switch lead {
        case 0x20..<0x80: at += 1
        case 0xc2...0xdf where trail(1): at += 2
        case 0xe0 where trail(1, 0xa0) && trail(2): at += 3
        case 0xed where trail(1, 0x80, 0x9f) && trail(2): at += 3
        case 0xe1...0xec where trail(1) && trail(2), 0xee...0xef where trail(1) && trail(2): at += 3
        case 0xf0 where trail(1, 0x90) && trail(2) && trail(3): at += 4
        case 0xf1...0xf3 where trail(1) && trail(2) && trail(3): at += 4
        case 0xf4 where trail(1, 0x80, 0x8f) && trail(2) && trail(3): at += 4
        default: throw .syntax(at: at)
        }
    }
}
