/// Parses numbers that a scan has validated.
enum JSONNumber {
    static func double(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        exact(bytes) ?? Double(String(decoding: bytes, as: UTF8.self))
    }

    /// The powers of ten that a double represents exactly.
    private static let powers: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20,
        1e21, 1e22,
    ]
    private static let mantissaMax: UInt64 = 1 << 53

    /// Converts the common case with one correctly rounded operation; `nil` for other numbers.
    ///
    /// It applies if both the digits and the power of ten fit a double exactly (Clinger 1990, "How to Read Floating
    /// Point Numbers Accurately").
    private static func exact(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        var mantissa: UInt64 = 0
        var exponent = 0
        var isFraction = false
        var at = bytes.first == UInt8(ascii: "-") ? 1 : 0
        let isNegative = at == 1
        while at < bytes.count {
            let byte = bytes[at]
            if byte &- 0x30 < 10 {
                mantissa = mantissa * 10 + UInt64(byte - 0x30)
                guard mantissa <= mantissaMax else { return nil }
                if isFraction { exponent -= 1 }
            } else if byte == UInt8(ascii: ".") {
                isFraction = true
            } else {
                guard let power = self.power(UnsafeBufferPointer(rebasing: bytes[(at + 1)...])) else { return nil }
                exponent += power
                break
            }
            at += 1
        }
        guard abs(exponent) < powers.count else { return nil }
        let value = exponent < 0 ? Double(mantissa) / powers[-exponent] : Double(mantissa) * powers[exponent]
        return isNegative ? -value : value
    }

    /// The exponent after the `e`, if it has at most three digits.
    private static func power(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        let isSigned = bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+")
        let digits = isSigned ? UnsafeBufferPointer(rebasing: bytes[1...]) : bytes
        guard digits.count <= 3 else { return nil }
        let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return bytes.first == UInt8(ascii: "-") ? -value : value
    }
}
