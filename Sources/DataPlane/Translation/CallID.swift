/// Rewrites tool call ids for vendors that restrict them.
///
/// The mapping is deterministic, so a call and its result still match.
enum CallID {
    /// Nine letters or digits as a JSON string (Mistral); `nil` when the id already has that form.
    static func nineCharacters(_ id: String) -> [UInt8]? {
        guard id.utf8.count != 9 || !id.utf8.allSatisfy(isAlphanumeric) else { return nil }
        var rest = hash(id)
        var out: [UInt8] = [UInt8(ascii: "\"")]
        for _ in 0..<9 {
            out.append(alphabet[Int(rest % 62)])
            rest /= 62
        }
        out.append(UInt8(ascii: "\""))
        return out
    }

    /// An id of letters, digits, `_` and `-` (Anthropic).
    static func plain(_ id: String) -> String {
        let isPlain = id.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x5f || $0 == 0x2d }
        if isPlain, !id.isEmpty, id.utf8.count <= 64 { return id }
        return "call_" + String(hash(id), radix: 16)
    }

    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26
    }

    /// FNV-1a with a final mix, since its high bits alone are weak for short texts.
    private static func hash(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
        return hash ^ (hash >> 31)
    }
}
