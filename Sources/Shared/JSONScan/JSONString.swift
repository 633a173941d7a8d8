/// Decodes JSON strings that a scan has validated.
package enum JSONString {
    /// The text of a string, from the bytes between its quotes.
    package static func unescaped(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        guard bytes.contains(0x5c) else { return String(decoding: bytes, as: UTF8.self) }
        return String(decoding: utf8(bytes), as: UTF8.self)
    }

    /// Like `unescaped`, but as UTF-8, for comparing names and ids.
    ///
    /// `String` considers texts equal that differ in their bytes (Unicode's canonical equivalence).
    package static func utf8(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        guard bytes.contains(0x5c) else { return Array(bytes) }
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var at = 0
        while at < bytes.count {
            guard bytes[at] == 0x5c, at + 1 < bytes.count else {
                out.append(bytes[at])
                at += 1
                continue
            }
            guard bytes[at + 1] == 0x75 else {
                out.append(meaning(of: bytes[at + 1]))
                at += 2
                continue
            }
            let scalar = scalar(in: bytes, at)
            out.append(contentsOf: UTF8.encode(scalar.value) ?? UTF8.encodedReplacementCharacter)
            at += scalar.length
        }
        return out
    }

    /// Whether the bytes between the quotes of a string represent this text.
    ///
    /// - Complexity: O(length of `text`), however long the string is.
    package static func equals(_ bytes: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        if bytes.count == count {
            for at in 0..<count where bytes[at] != text.utf8Start[at] { return false }
            return true
        }
        // The longest escape of a byte is `\uXXXX`.
        guard bytes.count > count, bytes.count <= count * 6, bytes.contains(0x5c) else { return false }
        let meant = utf8(bytes)
        return meant.count == count && meant.elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: count))
    }

    private static func meaning(of escape: UInt8) -> UInt8 {
        switch escape {
        case 0x62: 0x08
        case 0x66: 0x0c
        case 0x6e: 0x0a
        case 0x72: 0x0d
        case 0x74: 0x09
        default: escape
        }
    }

    /// The scalar of the `\uXXXX`, or surrogate pair, at `at`, and its length in bytes.
    private static func scalar(in bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> (value: UnicodeScalar, length: Int) {
        let first = unit(in: bytes, at)
        if let scalar = UnicodeScalar(first) { return (scalar, 6) }
        let second = unit(in: bytes, at + 6)
        // The scan admits surrogates only in pairs.
        guard first & 0xfc00 == 0xd800, second & 0xfc00 == 0xdc00,
            let scalar = UnicodeScalar(0x10000 + (first & 0x3ff) << 10 + second & 0x3ff)
        else { return ("\u{fffd}", 6) }
        return (scalar, 12)
    }

    private static func unit(in bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> UInt32 {
        guard at + 6 <= bytes.count, bytes[at] == 0x5c, bytes[at + 1] == 0x75 else { return 0 }
        return bytes[(at + 2)..<(at + 6)].reduce(0) { $0 << 4 | UInt32(hex($1)) }
    }

    private static func hex(_ byte: UInt8) -> UInt8 { byte < 0x3a ? byte - 0x30 : (byte | 0x20) - 0x57 }
}
