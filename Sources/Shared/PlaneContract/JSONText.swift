/// JSON string escaping (RFC 8259 §7) for the few places that write JSON by hand. A NUL becomes U+FFFD: PostgreSQL's jsonb
/// takes none, and one in a provider's model name must not hold the ledger up.
package enum JSONText {
    package static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x22 || $0 == 0x5c || $0 == 0x7f }) else { return text }
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\0": out += "\u{fffd}"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7f {
                    let hex = String(scalar.value, radix: 16)
                    out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        return out
    }

    package static func quoted(_ text: String) -> String { "\"" + escaped(text) + "\"" }
}

extension [UInt8] {
    /// The text as it stands between the quotes of a JSON string.
    package mutating func append(jsonEscaped text: String) {
        var text = text
        let isPlain = text.withUTF8 { bytes in
            for byte in bytes where byte < 0x20 || byte == 0x22 || byte == 0x5c || byte == 0x7f { return false }
            append(contentsOf: bytes)
            return true
        }
        if !isPlain { append(contentsOf: JSONText.escaped(text).utf8) }
    }
}
