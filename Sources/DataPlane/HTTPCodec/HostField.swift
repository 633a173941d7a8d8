/// Validates the value of Host: `uri-host [ ":" port ]` (RFC 9110 §7.2, RFC 3986 §3.2.2).
///
/// As strict as a server for a single host needs: what another server could read as a path, a user or a second host is
/// refused.
enum HostField {
    static func isValid(_ value: Slice<UnsafeRawBufferPointer>) -> Bool {
        // Clients send an empty Host if the target URI has no authority.
        guard let first = value.first else { return true }
        var rest = value
        if first == UInt8(ascii: "[") {
            guard let close = rest.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let address = rest[(rest.startIndex + 1)..<close]
            guard !address.isEmpty, address.allSatisfy(isAddress) else { return false }
            rest = rest[(close + 1)...]
        } else {
            rest = rest.drop(while: isName)
            guard rest.startIndex > value.startIndex else { return false }
        }
        guard let colon = rest.first else { return true }
        let port = rest.dropFirst()
        return colon == UInt8(ascii: ":") && port.count <= 5 && port.allSatisfy { $0 &- 0x30 < 10 }
    }

    private static func isName(_ byte: UInt8) -> Bool {
        isLetter(byte) || byte &- 0x30 < 10 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "~")
    }

    private static func isAddress(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10 || (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66 || byte == UInt8(ascii: ":")
            || byte == UInt8(ascii: ".")
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a }
}
