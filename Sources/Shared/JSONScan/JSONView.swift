/// A value in a document validated by `JSONScanner`, whose members, elements and scalars are read by walking the bytes.
///
/// Only requested strings are copied. A view is valid only as long as the bytes it was made over.
package struct JSONView {
    package enum Kind: Sendable { case object, array, string, number, bool, null }

    let bytes: UnsafeBufferPointer<UInt8>
    package let range: Range<Int>

    /// - Precondition: `range` is one value of a validated document.
    package init(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) {
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

    package var isNull: Bool { kind == .null }

    /// The unchanged bytes, quotes included.
    package var raw: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: bytes[range]) }

    /// The bytes between the quotes of a string, still escaped; empty for anything else.
    package var content: UnsafeBufferPointer<UInt8> {
        guard kind == .string else { return UnsafeBufferPointer(rebasing: bytes[range.lowerBound..<range.lowerBound]) }
        return UnsafeBufferPointer(rebasing: bytes[(range.lowerBound + 1)..<(range.upperBound - 1)])
    }

    package var string: String? { kind == .string ? JSONString.unescaped(content) : nil }

    package var bool: Bool? { kind == .bool ? bytes[range.lowerBound] == UInt8(ascii: "t") : nil }

    /// The number if it is written as an integer and fits; `1.0` and `1e3` do not count as integers.
    package var integer: Int64? {
        guard kind == .number else { return nil }
        var value: Int64 = 0
        let isNegative = raw[0] == UInt8(ascii: "-")
        for byte in isNegative ? UnsafeBufferPointer(rebasing: raw[1...]) : raw {
            guard byte &- 0x30 < 10 else { return nil }
            let (tens, tooMany) = value.multipliedReportingOverflow(by: 10)
            let (next, over) = tens.subtractingReportingOverflow(Int64(byte - 0x30))
            if tooMany || over { return nil }
            value = next
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }

    package var double: Double? { kind == .number ? JSONNumber.double(raw) : nil }

    /// Whether the value is a string with at least one character.
    package var hasText: Bool { kind == .string && range.count > 2 }

    /// Whether the value is this text, escaped or not.
    package func isText(_ text: StaticString) -> Bool { kind == .string && JSONString.equals(content, text) }

    /// The member with this name; `nil` when it is absent or this is not an object.
    package subscript(name: StaticString) -> JSONView? {
        var members = self.members
        while let (key, value) = members.next() { if JSONString.equals(key, name) { return value } }
        return nil
    }

    /// The members of an object; empty for anything else.
    package var members: JSONMembers { JSONMembers(self) }

    /// The elements of an array; empty for anything else.
    package var elements: JSONElements { JSONElements(self) }

    package var isEmpty: Bool {
        var elements = self.elements
        return elements.next() == nil
    }
}

extension [UInt8] {
    /// Passes the bytes of this document, which must be validated, for viewing its values.
    package func withJSON<R, E: Error>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(E) -> R
    ) throws(E) -> R {
        try withUnsafeBufferPointer { buffer throws(E) in try body(buffer) }
    }
}
