/// Hexadecimal, in lower case.
@usableFromInline package enum Hex {
    /// The character of a value below 16.
    @inlinable package static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    /// Two characters a byte.
    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(2 * bytes.underestimatedCount)
        for byte in bytes {
            out.append(digit(byte >> 4))
            out.append(digit(byte & 15))
        }
        return String(decoding: out, as: UTF8.self)
    }
}

/// Appends text and numbers to bytes without an intermediate string, for responses and commands on the hot path.
extension [UInt8] {
    /// Appends the UTF-8 of a literal, without copying it to a `String`.
    @inlinable package mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends the UTF-8 of the text, unescaped.
    @inlinable package mutating func append(text: String) {
        var text = text
        text.withUTF8 { append(contentsOf: $0) }
    }

    /// Appends the number in decimal digits, with `-` if it is negative.
    @inlinable package mutating func append(decimal number: Int64) {
        guard number >= 10 || number < 0 else { return append(0x30 + UInt8(number)) }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var at = 20
            var rest = number.magnitude
            repeat {
                at -= 1
                digits[at] = 0x30 + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            if number < 0 { append(UInt8(ascii: "-")) }
            append(contentsOf: UnsafeBufferPointer(rebasing: digits[at...]))
        }
    }

    /// - Precondition: the number is not negative.
    @inlinable package mutating func append(hex number: Int) {
        var shift = number == 0 ? 0 : (Int.bitWidth - 1 - number.leadingZeroBitCount) & ~3
        while shift >= 0 {
            append(Hex.digit(UInt8(truncatingIfNeeded: number >> shift) & 15))
            shift -= 4
        }
    }
}
