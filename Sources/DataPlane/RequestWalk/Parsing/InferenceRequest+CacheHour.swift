extension InferenceRequest {
    /// The spellings of the string "1h" in JSON to search for: literal, or either character escaped.
    private static let hourSpellings = [Array(#""1h""#.utf8), Array(#"\u0031"#.utf8), Array(#"\u0068"#.utf8)]

    /// Whether the request may ask a provider to cache a part of it for an hour (`"ttl": "1h"`).
    ///
    /// An hour costs more than five minutes. The string counts wherever it appears: this misses no real request for an
    /// hour, and the search is linear in the body.
    var mayAskToKeepForAnHour: Bool { Self.hourSpellings.contains(where: contains) }

    private func contains(_ needle: [UInt8]) -> Bool {
        body.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while let at = rest.firstIndex(of: needle[0]) {
                rest = rest[at...]
                if rest.starts(with: needle) { return true }
                rest = rest.dropFirst()
            }
            return false
        }
    }
}
