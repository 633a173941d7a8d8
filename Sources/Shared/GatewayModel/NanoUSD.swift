/// An amount of money in nano-USD (10⁻⁹ USD): the only unit of money in the system, from price to ledger.
///
/// Int64 reaches 9.2 billion USD. Limits stay below `limitMax`, so that Lua's numbers (doubles) compare them exactly.
package struct NanoUSD: Hashable, Comparable, Sendable, Codable {
    package var nano: Int64

    /// The largest limit: 9,000,000 USD, just under 2⁵³ nano-USD.
    package static let limitMax = NanoUSD(9_000_000_000_000_000)
    package static let zero = NanoUSD(0)

    package init(_ nano: Int64) { self.nano = nano }

    package static func < (a: NanoUSD, b: NanoUSD) -> Bool { a.nano < b.nano }
    /// Traps on overflow, which amounts below `limitMax` cannot reach.
    package static func + (a: NanoUSD, b: NanoUSD) -> NanoUSD { NanoUSD(a.nano + b.nano) }
    package static func - (a: NanoUSD, b: NanoUSD) -> NanoUSD { NanoUSD(a.nano - b.nano) }

    package init(from decoder: any Decoder) throws {
        nano = try decoder.singleValueContainer().decode(Int64.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(nano)
    }
}

extension NanoUSD {
    /// Parses a decimal amount of USD, such as `12`, `0.30` or `1.000000001`.
    ///
    /// At most nine decimals, no sign, no exponent.
    ///
    /// - Returns: `nil` for anything else, and for more than `Int64` holds.
    package init?(decimalUSD text: String) {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, !whole.isEmpty, whole.utf8.allSatisfy(Self.isDigit) else { return nil }
        let fraction = parts.count == 2 ? parts[1] : "0"
        guard !fraction.isEmpty, fraction.utf8.count <= 9, fraction.utf8.allSatisfy(Self.isDigit) else { return nil }
        let padded = fraction + String(repeating: "0", count: 9 - fraction.utf8.count)
        guard let dollars = Int64(whole), let rest = Int64(padded) else { return nil }
        let (scaled, overflow) = dollars.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carried) = scaled.addingReportingOverflow(rest)
        guard !overflow, !carried else { return nil }
        nano = sum
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    /// The exact amount in USD without trailing zeros: `0.000012`, `3`, `-1.5`.
    package var decimalUSD: String {
        let magnitude = nano.magnitude
        // A sign, ten digits, a point, nine digits; written backwards.
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 21) { text in
            var at = text.count
            func put(_ byte: UInt8) {
                at -= 1
                text[at] = byte
            }
            var fraction = magnitude % 1_000_000_000
            var places = 9
            while places > 0, fraction % 10 == 0 {
                fraction /= 10
                places -= 1
            }
            if places > 0 {
                for _ in 0..<places {
                    put(0x30 + UInt8(fraction % 10))
                    fraction /= 10
                }
                put(UInt8(ascii: "."))
            }
            var whole = magnitude / 1_000_000_000
            repeat {
                put(0x30 + UInt8(whole % 10))
                whole /= 10
            } while whole > 0
            if nano < 0 { put(UInt8(ascii: "-")) }
            return String(decoding: UnsafeBufferPointer(rebasing: text[at...]), as: UTF8.self)
        }
    }
}
