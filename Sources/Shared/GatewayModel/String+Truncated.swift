extension String {
    /// At most the first `max` bytes of the text, cut between two Unicode scalars.
    ///
    /// A character (grapheme cluster) can have any length, so counting characters does not bound untrusted text.
    ///
    /// - Complexity: O(`max`) for native text, however long the text is.
    package func truncated(toBytes max: Int) -> String {
        guard utf8.count > max else { return self }
        var kept = Array(utf8.prefix(max + 1))
        // Drop the scalar that contains the byte after the cut.
        while let last = kept.popLast(), last & 0xc0 == 0x80 {}
        return String(decoding: kept, as: UTF8.self)
    }
}
