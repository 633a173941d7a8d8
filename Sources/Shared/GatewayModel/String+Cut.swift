extension String {
    /// The first bytes of the text, at most `max` of them, cut between two Unicode scalars. A character (a grapheme cluster) may be
    /// of any length, so text of somebody else is never bounded by counting characters.
    ///
    /// - Complexity: O(`max`) for native text, however long the text is.
    package func cut(toBytes max: Int) -> String {
        guard utf8.count > max else { return self }
        var kept = Array(utf8.prefix(max + 1))
        // The byte behind the cut begins a scalar, or it and those before it belong to one that does not fit.
        while let last = kept.popLast(), last & 0xc0 == 0x80 {}
        return String(decoding: kept, as: UTF8.self)
    }
}
