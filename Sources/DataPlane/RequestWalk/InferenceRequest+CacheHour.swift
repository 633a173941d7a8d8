extension InferenceRequest {
    /// The string "1h" as it may be spelt in JSON: plainly, or with either letter as an escape.
    private static let hourSpellings = [Array(#""1h""#.utf8), Array(#"\u0031"#.utf8), Array(#"\u0068"#.utf8)]

    /// Whether anything in the request may ask a provider to keep a part of it for an hour (`"ttl": "1h"`), which costs more than
    /// five minutes. It is taken for asked wherever the string stands: nothing that asks is missed, and looking is linear in the body.
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
