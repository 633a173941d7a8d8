/// Validates strings, numbers and literals.
extension Scan {
    mutating func literal(_ word: StaticString) throws(JSONError) {
        for offset in 0..<word.utf8CodeUnitCount where byte(offset) != word.utf8Start[offset] {
            throw .syntax(at: at + offset)
        }
        at += word.utf8CodeUnitCount
    }

    mutating func number() throws(JSONError) {
        let start = at
        var hasExponent = false
        if peek == UInt8(ascii: "-") { at += 1 }
        if peek == UInt8(ascii: "0") { at += 1 } else { try digits() }
        if peek == UInt8(ascii: ".") {
            at += 1
            try digits()
        }
        if peek | 0x20 == UInt8(ascii: "e") {
            hasExponent = true
            at += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { at += 1 }
            try digits()
        }
        // A number too large for a double becomes infinity in some parsers and an error in others.
        guard hasExponent || at - start > 300 else { return }
        let value = Double(String(decoding: slice(start..<at), as: UTF8.self))
        guard let value, value.isFinite else { throw .syntax(at: start) }
    }

    private mutating func digits() throws(JSONError) {
        let start = at
        while peek &- 0x30 < 10 { at += 1 }
        guard at > start else { throw .syntax(at: at) }
    }

    /// Skips a string and returns the range between its quotes.
    mutating func string() throws(JSONError) -> Range<Int> {
        guard peek == UInt8(ascii: "\"") else { throw .syntax(at: at) }
        at += 1
        let start = at
        while true {
            skipPlain()
            guard at < count else { throw .syntax(at: at) }
            switch peek {
            case 0x22:
                at += 1
                return start..<(at - 1)
            case 0x5c: try escape()
            case 0..<0x20: throw .syntax(at: at)
            default: try scalar(peek)
            }
        }
    }

    /// Skips ASCII bytes other than quotes, backslashes and controls, eight at a time.
    private mutating func skipPlain() {
        while count - at >= 8 {
            let found = ByteSearch.special(word(0))
            guard found == 0 else {
                at += found.trailingZeroBitCount >> 3
                return
            }
            at += 8
        }
        while at < count {
            let byte = peek
            guard byte >= 0x20, byte < 0x80, byte != 0x22, byte != 0x5c else { return }
            at += 1
        }
    }

    private mutating func escape() throws(JSONError) {
        switch byte(1) {
        case 0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74: at += 2
        case 0x75: try unicodeEscape()
        default: throw .syntax(at: at)
        }
    }

    /// `\uXXXX`; surrogates must come in pairs (RFC 8259 §8.2 leaves lone ones undefined, and parsers differ).
    private mutating func unicodeEscape() throws(JSONError) {
        let first = try hex4()
        guard first & 0xf800 == 0xd800 else { return }
        guard first < 0xdc00, peek == 0x5c, byte(1) == 0x75 else { throw .syntax(at: at) }
        let second = try hex4()
        guard second & 0xfc00 == 0xdc00 else { throw .syntax(at: at) }
    }

    private mutating func hex4() throws(JSONError) -> Int {
        var value = 0
        for offset in 2..<6 {
            let digit = byte(offset)
            let letter = digit | 0x20
            if digit &- 0x30 < 10 {
                value = value << 4 | Int(digit - 0x30)
            } else if letter >= 0x61, letter <= 0x66 {
                value = value << 4 | Int(letter - 0x57)
            } else {
                throw .syntax(at: at + offset)
            }
        }
        at += 6
        return value
    }

    /// One UTF-8 scalar as defined by RFC 3629.
    private mutating func scalar(_ lead: UInt8) throws(JSONError) {
        func trail(_ offset: Int, _ low: UInt8 = 0x80, _ high: UInt8 = 0xbf) -> Bool {
            byte(offset) >= low && byte(offset) <= high
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

/// Searches eight bytes at once (SWAR).
///
/// The result has the high bit set for each match; only the lowest set bit is exact.
enum ByteSearch {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// Finds quotes, backslashes, controls and bytes beyond ASCII.
    @inline(__always)
    static func special(_ word: UInt64) -> UInt64 {
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5c)
        return ((word &- ones &* 0x20) | (quote &- ones) | (backslash &- ones) | word) & highs
    }

    /// Finds quotes and backslashes in validated text.
    @inline(__always)
    static func quoteOrBackslash(_ word: UInt64) -> UInt64 {
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5c)
        return (((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)) & highs
    }
}
