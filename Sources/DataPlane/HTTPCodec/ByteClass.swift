/// Byte classes of a request head (RFC 9110 §5.6.2, §5.5).
enum ByteClass {
    private static let tokens: [Bool] = (0..<256).map { byte in
        let scalar = Unicode.Scalar(UInt8(byte))
        return scalar.properties.isAlphabetic && byte < 0x80 || (0x30...0x39).contains(byte)
            || "!#$%&'*+-.^_`|~".unicodeScalars.contains(scalar)
    }

    static func isToken(_ byte: UInt8) -> Bool { tokens[Int(byte)] }

    /// Visible ASCII except `#`, which never belongs in a request target (RFC 9112 §3.2).
    static func isTarget(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "#") }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// Visible ASCII, space and tab. Higher bytes are obsolete (RFC 9110 §5.5) and servers disagree on their meaning.
    static func isFieldText(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7f || byte == 0x09 }

    static func lowered(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }
}
