/// How many bytes a text may grow before it is tokenized.
///
/// Some tokenizers normalise text first (Qwen: NFC; the one that Anthropic published: NFKC), and a few characters have
/// a longer normal form: U+FDFA grows from three bytes to 33.
package enum NormalisedText {
    /// The most that all texts of a JSON document may grow together, given their spelling there.
    ///
    /// - Complexity: O(bytes).
    package static func growth(in bytes: UnsafeBufferPointer<UInt8>) -> Int64 {
        var total: Int64 = 0
        guard let base = UnsafeRawPointer(bytes.baseAddress) else { return 0 }
        var at = 0
        while true {
            // Most text grows nowhere: ASCII without escapes, eight bytes at once.
            while bytes.count - at >= 8, isPlain(base.loadUnaligned(fromByteOffset: at, as: UInt64.self)) { at += 8 }
            guard at < bytes.count else { return total }
            let byte = bytes[at]
            switch byte {
            case 0x5c:
                guard let unit = unit(in: bytes, at) else {
                    at += 2
                    continue
                }
                // The escape takes six bytes, the character itself up to three.
                let length = unit < 0x800 ? 2 : 3
                total += Int64(max(0, Int(table[unit]) + length - 6))
                at += 6
            case 0..<0x80: at += 1
            case 0xc0..<0xe0: at += add(2, Int(byte & 0x1f), bytes, at, &total)
            case 0xe0..<0xf0: at += add(3, Int(byte & 0x0f), bytes, at, &total)
            case 0xf0...: at += add(4, Int(byte & 0x07), bytes, at, &total)
            default: at += 1
            }
        }
    }

    /// Whether all eight bytes are ASCII and none is a backslash.
    private static func isPlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let backslash = word ^ (ones &* 0x5c)
        return (word | ((backslash &- ones) & ~backslash)) & (ones &* 0x80) == 0
    }

    /// - Returns: the length of the character in bytes.
    private static func add(
        _ length: Int, _ lead: Int, _ bytes: UnsafeBufferPointer<UInt8>, _ at: Int, _ total: inout Int64
    ) -> Int {
        guard at + length <= bytes.count else { return length }
        var scalar = lead
        for next in at + 1..<at + length { scalar = scalar << 6 | Int(bytes[next] & 0x3f) }
        if scalar < table.count {
            total += Int64(table[scalar])
        } else if let entry = beyond.first(where: { $0.range.contains(scalar) }) {
            total += Int64(entry.bytes)
        }
        return length
    }

    /// The number in `\uXXXX`; `nil` for other escapes.
    private static func unit(in bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int? {
        guard at + 6 <= bytes.count, bytes[at + 1] == UInt8(ascii: "u") else { return nil }
        var value = 0
        for next in at + 2..<at + 6 {
            guard let digit = Character(Unicode.Scalar(bytes[next])).hexDigitValue else { return nil }
            value = value << 4 | digit
        }
        return value
    }

    private typealias Entry = (range: ClosedRange<Int>, bytes: UInt8)

    /// Growth in bytes of each character below U+10000.
    private static let table: [UInt8] = {
        var table = [UInt8](repeating: 0, count: 0x1_0000)
        for entry in entries { for scalar in entry.range { table[scalar] = entry.bytes } }
        return table
    }()

    /// The largest growth within each range, in NFC or NFKC (Unicode 14). The two bytes of combining marks: a mark may
    /// displace another one that was composed with the character before it.
    private static let entries: [Entry] = [
        (0xa8...0xbe, 3), (0x13f...0x149, 1), (0x1c4...0x1c6, 1), (0x2d8...0x2dd, 1), (0x300...0x36f, 2),
        (0x37a...0x385, 3), (0x587...0x587, 2), (0x675...0x678, 2), (0x958...0x95f, 3), (0x9dc...0x9df, 3),
        (0xa33...0xa36, 3), (0xa59...0xa5e, 3), (0xb5c...0xb5d, 3), (0xe33...0xe33, 3), (0xeb3...0xeb3, 3),
        (0xedc...0xedd, 3), (0xf43...0xf5c, 3), (0xf69...0xf81, 6), (0xf93...0xfb9, 3), (0x1fc1...0x1fee, 2),
        (0x2033...0x2037, 6), (0x2057...0x2057, 9), (0x2150...0x2189, 3), (0x222c...0x2230, 6), (0x247d...0x2487, 1),
        (0x2a0c...0x2a0c, 9), (0x2adc...0x2adc, 2), (0x309b...0x309f, 3), (0x30ff...0x30ff, 3), (0x3200...0x327d, 5),
        (0x32c0...0x32ff, 3), (0x3300...0x3370, 15), (0x337b...0x3389, 9), (0x33a7...0x33fe, 5), (0xfa6c...0xfad7, 1),
        (0xfb13...0xfb4f, 3), (0xfbdd...0xfdc7, 3), (0xfdf0...0xfdf9, 5), (0xfdfa...0xfdfc, 30), (0xfe71...0xfefc, 1),
    ]
    private static let beyond: [Entry] = [
        (0x1d15e...0x1d1c0, 8), (0x1f12a...0x1f12a, 3), (0x1f200...0x1f248, 5),
    ]
}
