/// What is refused in a catalogue before it is read as YAML.
enum CatalogueText {
    private static let before = Set(" \t\r\n[]{},:-?!".utf8)
    private static let after = Set(" \t\r\n".utf8)

    /// Whether an anchor or an alias may stand in it: `&` or `*` where a word may begin.
    ///
    /// A kilobyte of nested aliases becomes gigabytes when it is read. Strings that only look so are refused as well,
    /// unless the quote is right before the character.
    ///
    /// - Complexity: O(bytes).
    static func mayUseAliases(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        for (at, byte) in bytes.enumerated() where byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*") {
            let begins = at == 0 || before.contains(bytes[at - 1])
            if begins, at + 1 < bytes.count, !after.contains(bytes[at + 1]) { return true }
        }
        return false
    }
}
