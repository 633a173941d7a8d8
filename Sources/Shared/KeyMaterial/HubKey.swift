internal import FoundationEssentials
package import GatewayModel

/// A client's key: `sk-hub-`, 43 base62 characters (256 random bits), and 6 of CRC-32 over those before.
///
/// The checksum lets a mistyped key fail without a look-up.
package struct HubKey: Sendable {
    package static let prefix = "sk-hub-"
    package static let length = 7 + 43 + 6
    /// What follows the prefix in an `AdminKey`.
    static let adminWord = "admin-"

    /// Why a text is not a key.
    package enum ParseError: Error, Equatable { case notAHubKey, mistyped }

    package let secret: Secret

    /// Checks format and checksum, not whether the key exists.
    package init(parsing text: String) throws(ParseError) {
        guard text.hasPrefix(Self.prefix) else { throw .notAHubKey }
        guard text.utf8.count == Self.length, text.utf8.dropFirst(7).allSatisfy(Base62.contains) else {
            throw .mistyped
        }
        guard text.hasSuffix(Self.checksum(of: text.utf8.dropLast(6))) else { throw .mistyped }
        secret = Secret(text)
    }

    /// Makes a key from 256 random bits.
    package init(random: (UInt64, UInt64, UInt64, UInt64)) {
        let body = Self.prefix + Base62.encode([random.0, random.1, random.2, random.3], width: 43)
        secret = Secret(body + Self.checksum(of: body.utf8))
    }

    /// The text with anything that looks like a key truncated, for messages that repeat what a client sent.
    package static func redacted(_ text: String) -> String {
        var parts = text.components(separatedBy: prefix)
        for at in parts.indices.dropFirst() {
            let word = parts[at].hasPrefix(adminWord) ? adminWord : ""
            let body = parts[at].utf8.dropFirst(word.utf8.count)
            let rest = body.drop(while: Base62.contains)
            if body.count - rest.count >= 6 { parts[at] = word + "…" + String(Substring(rest)) }
        }
        return parts.joined(separator: prefix)
    }

    /// The characters a dashboard may show: enough to recognise the key, useless to an attacker.
    package var display: String {
        let text = secret.reveal()
        return text.prefix(11) + "…" + text.suffix(4)
    }

    static func checksum(of bytes: some Sequence<UInt8>) -> String {
        Base62.encode([UInt64(CRC32.checksum(bytes))], width: 6)
    }
}

/// Base 62 over `0–9A–Za–z`, most significant digit first.
package enum Base62 {
    private static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// Whether the byte is one of the 62 digits.
    package static func contains(_ byte: UInt8) -> Bool { digits.contains(byte) }

    /// Encodes `words` as one big number, most significant word first, padded with `0` to `width` characters.
    package static func encode(_ words: [UInt64], width: Int) -> String {
        var number = words
        var out = [UInt8](repeating: digits[0], count: width)
        for at in stride(from: width - 1, through: 0, by: -1) {
            var remainder: UInt64 = 0
            for i in number.indices {
                let (quotient, rest) = UInt64(62).dividingFullWidth((remainder, number[i]))
                number[i] = quotient
                remainder = rest
            }
            out[at] = digits[Int(remainder)]
        }
        return String(decoding: out, as: UTF8.self)
    }
}
