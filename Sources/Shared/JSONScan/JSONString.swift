/// Reads JSON strings that a scan has validated.
package enum JSONString {
    /// The text of a string, given the bytes between its quotes.
    package static func unescaped(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        guard bytes.contains(0x5c) else { return String(decoding: bytes, as: UTF8.self) }
        var units: [UInt16] = []
        var out = ""
        var plain: [UInt8] = []
        func flush() {
            if !plain.isEmpty { out += String(decoding: plain, as: UTF8.self) }
            if !units.isEmpty { out += String(decoding: units, as: UTF16.self) }
            plain.removeAll(keepingCapacity: true)
            units.removeAll(keepingCapacity: true)
        }
        var rest = bytes.makeIterator()
        while let byte = rest.next() {
            guard byte == 0x5c, let kind = rest.next() else {
                if !units.isEmpty { flush() }
                plain.append(byte)
                continue
            }
            if kind == 0x75 {
                if !plain.isEmpty { flush() }
                var value: UInt16 = 0
                for _ in 0..<4 { value = value << 4 | UInt16(Self.hex(rest.next() ?? 0x30)) }
                units.append(value)
            } else {
                if !units.isEmpty { flush() }
                plain.append(Self.meaning(of: kind))
            }
        }
        flush()
        return out
    }

    /// Whether the bytes between the quotes of a string mean this text.
    package static func equals(_ bytes: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        if bytes.count == count {
            for at in 0..<count where bytes[at] != text.utf8Start[at] { return false }
            return true
        }
        guard bytes.count > count, bytes.contains(0x5c) else { return false }
        return unescaped(bytes) == "\(text)"
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

    private static func hex(_ byte: UInt8) -> UInt8 { byte < 0x3a ? byte - 0x30 : (byte | 0x20) - 0x57 }
}
