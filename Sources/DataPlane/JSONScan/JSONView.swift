/// A value inside a document that `JSONScanner` has validated: reads members, elements and scalars by walking the bytes.
///
/// Nothing is copied but the strings one asks for.
package struct JSONView: Sendable {
    package enum Kind: Sendable { case object, array, string, number, bool, null }

    package let bytes: [UInt8]
    package let range: Range<Int>

    /// - Precondition: `range` is one value of a validated document.
    package init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        self.range = range
    }

    package var kind: Kind {
        switch bytes[range.lowerBound] {
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
        case UInt8(ascii: "n"): .null
        default: .number
        }
    }

    package var string: String? {
        guard kind == .string else { return nil }
        return JSONString.unescaped(bytes[(range.lowerBound + 1)..<(range.upperBound - 1)])
    }

    package var bool: Bool? { kind == .bool ? bytes[range.lowerBound] == UInt8(ascii: "t") : nil }

    /// The number when it is written as a whole number that fits; `1.0` and `1e3` are not whole numbers here.
    package var integer: Int64? {
        guard kind == .number else { return nil }
        return Int64(String(decoding: bytes[range], as: UTF8.self))
    }

    package var isNull: Bool { kind == .null }

    /// Whether the value is text with at least one character.
    package var hasText: Bool { kind == .string && range.count > 2 }

    /// The member of that name; `nil` when absent or when this is no object.
    package subscript(name: StaticString) -> JSONView? {
        var found: JSONView?
        forEachMember { key, value in
            guard found == nil, key.count == name.utf8CodeUnitCount else { return }
            let same = key.elementsEqual(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
            if same { found = value }
        }
        return found
    }

    /// Calls `body` with the raw bytes of each name (between its quotes) and its value.
    package func forEachMember(_ body: (ArraySlice<UInt8>, JSONView) -> Void) {
        guard kind == .object else { return }
        var at = range.lowerBound + 1
        while let name = next(&at) {
            guard let value = next(&at) else { return }
            body(bytes[(name.lowerBound + 1)..<(name.upperBound - 1)], JSONView(bytes, value))
        }
    }

    package func forEachElement(_ body: (JSONView) -> Void) {
        guard kind == .array else { return }
        var at = range.lowerBound + 1
        while let value = next(&at) { body(JSONView(bytes, value)) }
    }

    package var elementCount: Int {
        var count = 0
        forEachElement { _ in count += 1 }
        return count
    }

    /// The next value after separators, or `nil` at the end of this container.
    private func next(_ at: inout Int) -> Range<Int>? {
        let end = range.upperBound - 1
        while at < end {
            switch bytes[at] {
            case 0x20, 0x0a, 0x0d, 0x09, UInt8(ascii: ","), UInt8(ascii: ":"): at += 1
            default:
                let start = at
                skip(&at)
                return start..<at
            }
        }
        return nil
    }

    private func skip(_ at: inout Int) {
        switch bytes[at] {
        case UInt8(ascii: "\""): skipString(&at)
        case UInt8(ascii: "{"), UInt8(ascii: "["): skipContainer(&at)
        default:
            while at < range.upperBound {
                switch bytes[at] {
                case 0x20, 0x0a, 0x0d, 0x09, UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"): return
                default: at += 1
                }
            }
        }
    }

    private func skipString(_ at: inout Int) {
        at += 1
        while bytes[at] != 0x22 { at += bytes[at] == 0x5c ? 2 : 1 }
        at += 1
    }

    private func skipContainer(_ at: inout Int) {
        var depth = 0
        repeat {
            switch bytes[at] {
            case UInt8(ascii: "\""):
                skipString(&at)
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            at += 1
        } while depth > 0
    }
}
