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
        for (at, byte) in bytes.enumerated() where byte < 0x20 || byte == 0x22 || byte == 0x5c || byte == 0x7f {
            append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<at]))
            append(contentsOf: JSONText.escape(byte).utf8)
            start = at + 1
        }
        append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start...]))
    }
}
