/// The id of one request everywhere: response header, provider header, hold, event and ledger row.
///
/// A version 7 UUID (RFC 9562 §5.7): 48 bits of milliseconds since 1970 and 74 random bits, so that ids sort by time
/// and the ledger can derive the day from the id.
package struct RequestID: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// - Parameters:
    ///   - milliseconds: since 1970 UTC; the lower 48 bits are used.
    ///   - random: of which 12 and 62 bits are used.
    package init(milliseconds: Int64, random: (UInt64, UInt64)) {
        let high = UInt64(bitPattern: milliseconds) << 16 | 0x7000 | random.0 & 0x0fff
        let low = 0x8000_0000_0000_0000 | random.1 & 0x3fff_ffff_ffff_ffff
        text = Self.hex(high, low)
    }

    package var description: String { text }

    /// When the request with this id was made, in milliseconds since 1970.
    ///
    /// - Returns: `nil` when the text does not begin like an id.
    package static func milliseconds(of text: String) -> Int64? {
        Int64(
            text.utf8.prefix(13).filter { $0 != UInt8(ascii: "-") }.map { String(UnicodeScalar($0)) }.joined(),
            radix: 16)
    }

    private static func hex(_ high: UInt64, _ low: UInt64) -> String {
        String(unsafeUninitializedCapacity: 36) { out in
            var at = 0
            for word in [high, low] {
                for nibble in 0..<16 {
                    if at == 8 || at == 13 || at == 18 || at == 23 {
                        out[at] = UInt8(ascii: "-")
                        at += 1
                    }
                    out[at] = Hex.digit(UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * nibble)) & 15)
                    at += 1
                }
            }
            return 36
        }
    }
}
