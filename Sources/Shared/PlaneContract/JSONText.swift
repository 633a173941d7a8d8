/// JSON string escaping (RFC 8259 §7) for the few places that write JSON by hand.
///
/// NUL becomes U+FFFD: PostgreSQL's jsonb refuses it, and a NUL in a provider's model name must not block the ledger.
package enum JSONText {
    /// The text as the content of a JSON string, without quotes.
    package static func escaped(_ text: String) -> String {
        var out: [UInt8] = []
        out.append(jsonEscaped: text)
        return String(decoding: out, as: UTF8.self)
    }

    static func escape(_ byte: UInt8) -> String {
        switch byte {
        case 0x22: "\\\""
        case 0x5c: "\\\\"
        case 0x0a: "\\n"
        case 0x0d: "\\r"
        case 0x09: "\\t"
        case 0x00: "\u{fffd}"
        default: "\\u00" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16)
        }
    }

    /// The index of the first byte at or behind `start` that must be escaped. Looks at eight bytes at once (SWAR).
    static func firstEscaped(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        guard let base = UnsafeRawPointer(bytes.baseAddress) else { return nil }
        var at = start
        while bytes.count - at >= 8, !needsEscape(base.loadUnaligned(fromByteOffset: at, as: UInt64.self)) { at += 8 }
        while at < bytes.count {
            let byte = bytes[at]
            if byte < 0x20 || byte == 0x22 || byte == 0x5c || byte == 0x7f { return at }
            at += 1
        }
        return nil
    }

    /// Whether one of the word's bytes is a control, a quote, a backslash or DEL.
    private static func needsEscape(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5c)
        let delete = word ^ (ones &* 0x7f)
        let found =
            ((word &- ones &* 0x20) & ~word) | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
            | ((delete &- ones) & ~delete)
        return found & 0x8080_8080_8080_8080 != 0
    }

    /// The text as a JSON string, quotes included.
    package static func quoted(_ text: String) -> String { "\"" + escaped(text) + "\"" }
}

extension [UInt8] {
    /// Appends the text as the content of a JSON string, without quotes.
    package mutating func append(jsonEscaped text: String) {
        var text = text
        text.withUTF8 { append(jsonEscaped: $0) }
    }

    /// - Precondition: the bytes are UTF-8.
    package mutating func append(jsonEscaped bytes: UnsafeBufferPointer<UInt8>) {
        var start = 0
        while let at = JSONText.firstEscaped(in: bytes, from: start) {
            append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<at]))
            append(contentsOf: JSONText.escape(bytes[at]).utf8)
            start = at + 1
        }
        append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start...]))
    }
}
