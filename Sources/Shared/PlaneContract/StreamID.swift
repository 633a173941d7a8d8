/// The id of a Redis stream entry, `milliseconds-sequence`, ordered as Redis does (redis.io, "Streams: entry IDs").
package struct StreamID: Hashable, Comparable, Sendable {
    package let milliseconds: UInt64
    package let sequence: UInt64

    /// - Returns: `nil` for text that is not two decimal numbers of at most 64 bits with a `-` between them.
    package init?(_ text: String) { self.init(text[...]) }

    package init?(_ text: Substring) {
        let bytes = text.utf8
        guard let dash = bytes.firstIndex(of: UInt8(ascii: "-")), let milliseconds = Self.number(bytes[..<dash]),
            let sequence = Self.number(bytes[bytes.index(after: dash)...])
        else { return nil }
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    /// Parses byte by byte: the standard library's parser takes several times as long, and this runs once per request.
    private static func number(_ digits: Substring.UTF8View) -> UInt64? {
        var number: UInt64 = 0
        for byte in digits {
            let (tens, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let (next, overflows) = tens.addingReportingOverflow(UInt64(byte &- 0x30))
            guard byte &- 0x30 < 10, !isTooLarge, !overflows else { return nil }
            number = next
        }
        return digits.isEmpty ? nil : number
    }

    package static func < (a: Self, b: Self) -> Bool {
        (a.milliseconds, a.sequence) < (b.milliseconds, b.sequence)
    }
}
