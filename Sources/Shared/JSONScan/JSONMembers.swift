/// Iterates over the members of an object: the bytes between the name's quotes, and the value.
package struct JSONMembers {
    private var walk: JSONWalk

    init(_ view: JSONView) { walk = JSONWalk(view, of: .object) }

    /// The next member in document order; `nil` at the end. The name may still have escapes.
    package mutating func next() -> (name: UnsafeBufferPointer<UInt8>, value: JSONView)? {
        guard let name = walk.next(), let value = walk.next() else { return nil }
        return (name.content, value)
    }
}

/// Iterates over the elements of an array.
package struct JSONElements: Sequence, IteratorProtocol {
    private var walk: JSONWalk

    init(_ view: JSONView) { walk = JSONWalk(view, of: .array) }

    /// The next element in document order; `nil` at the end.
    package mutating func next() -> JSONView? { walk.next() }
}

extension JSONView {
    /// Counts the members of all objects within the value, at any depth, and those with this name.
    ///
    /// - Complexity: one pass over the bytes.
    package func countMembers(named name: StaticString) -> (all: Int, named: Int) {
        var walk = JSONWalk(self)
        var all = 0
        var named = 0
        while let text = walk.nextString() {
            guard walk.isAtColon else { continue }
            all += 1
            if JSONString.equals(text.content, name) { named += 1 }
        }
        return (all, named)
    }
}

/// Steps through the direct values of a container in a validated document.
private struct JSONWalk {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var at: Int
    private let end: Int

    init(_ view: JSONView, of kind: JSONView.Kind) {
        bytes = view.bytes
        at = view.range.lowerBound + 1
        end = view.kind == kind ? view.range.upperBound - 1 : at
    }

    /// For use with `nextString` only.
    init(_ view: JSONView) {
        bytes = view.bytes
        at = view.range.lowerBound
        end = view.range.upperBound
    }

    /// The next string at any depth, including names.
    mutating func nextString() -> JSONView? {
        while at < end {
            guard bytes[at] == UInt8(ascii: "\"") else {
                at += 1
                continue
            }
            let start = at
            skipString()
            return JSONView(bytes, start..<at)
        }
        return nil
    }

    /// Whether the next byte other than white space is the colon after a name.
    var isAtColon: Bool {
        var next = at
        while next < end, bytes[next] <= 0x20 { next += 1 }
        return next < end && bytes[next] == UInt8(ascii: ":")
    }

    mutating func next() -> JSONView? {
        while at < end {
            switch bytes[at] {
            case 0x20, 0x0a, 0x0d, 0x09, UInt8(ascii: ","), UInt8(ascii: ":"): at += 1
            default:
                let start = at
                skip()
                return JSONView(bytes, start..<at)
            }
        }
        return nil
    }

    private mutating func skip() {
        switch bytes[at] {
        case UInt8(ascii: "\""): skipString()
        case UInt8(ascii: "{"), UInt8(ascii: "["): skipContainer()
        default:
            while at < end {
                switch bytes[at] {
                case 0x20, 0x0a, 0x0d, 0x09, UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"): return
                default: at += 1
                }
            }
        }
    }

    private mutating func skipString() {
        guard let base = UnsafeRawPointer(bytes.baseAddress) else { return }
        at += 1
        while true {
            if bytes.count - at >= 8 {
                let found = ByteSearch.quoteOrBackslash(base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
                guard found != 0 else {
                    at += 8
                    continue
                }
                at += found.trailingZeroBitCount >> 3
            }
            switch bytes[at] {
            case 0x22:
                at += 1
                return
            case 0x5c: at += 2
            default: at += 1
            }
        }
    }

    private mutating func skipContainer() {
        var depth = 0
        repeat {
            switch bytes[at] {
            case UInt8(ascii: "\""):
                skipString()
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            at += 1
        } while depth > 0
    }
}
