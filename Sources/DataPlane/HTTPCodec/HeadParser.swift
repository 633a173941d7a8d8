/// A strict parser for the head of an HTTP/1.1 request (RFC 9112, RFC 9110 §5).
///
/// Only CRLF ends a line; no folding, no space before a colon, one Host, one way to state the body's length. Whatever
/// two servers could read differently is refused, because request smuggling relies on it.
///
/// Call it repeatedly with everything that has arrived since the head's first byte, until it returns a head.
package struct HeadParser: Sendable {
    private let bounds: HeadBounds
    /// Lines before this offset are complete and end with CRLF.
    private var lineStart = 0
    private var searched = 0
    private var lineCount = 0

    package init(_ bounds: HeadBounds) { self.bounds = bounds }

    /// Whether any byte of a head has been seen.
    package private(set) var hasBegun = false

    /// - Returns: the head and the bytes it occupies, or `nil` if more are needed.
    package mutating func parse(_ bytes: UnsafeRawBufferPointer) throws(HTTPParseError) -> (head: HTTPHead, count: Int)?
    {
        guard !bytes.isEmpty else { return nil }
        try checkFirst(bytes)
        let limit = min(bytes.count, bounds.bytesMax)
        while searched < limit {
            guard let newline = bytes[searched..<limit].firstIndex(of: 0x0a) else {
                searched = limit
                break
            }
            try HTTPParseError.malformed(
                unless: newline > 0 && bytes[newline - 1] == 0x0d, "a line does not end with CRLF")
            searched = newline + 1
            let isEmpty = newline - 1 == lineStart
            // One empty line before a request is tolerated (RFC 9112 §2.2): some clients end a body with one.
            if isEmpty, lineCount > 0 {
                let head = try HeadReader(bytes, bounds).read(upTo: newline + 1)
                let count = newline + 1
                self = HeadParser(bounds)
                return (head, count)
            }
            try HTTPParseError.malformed(unless: !isEmpty || lineStart == 0, "empty lines before the request")
            if !isEmpty { lineCount += 1 }
            lineStart = searched
            // `lineCount` includes the request line.
            if lineCount > bounds.fieldsMax + 1 { throw .headTooLarge }
        }
        if limit == bounds.bytesMax { throw lineCount == 0 ? .targetTooLong : .headTooLarge }
        return nil
    }

    /// Refuses at once a first byte that cannot begin a method, such as TLS on the plain port.
    private mutating func checkFirst(_ bytes: UnsafeRawBufferPointer) throws(HTTPParseError) {
        guard !hasBegun else { return }
        hasBegun = true
        let first = bytes[0]
        let isUpper = first >= 0x41 && first <= 0x5a
        try HTTPParseError.malformed(
            unless: isUpper || first == 0x0d || first == 0x0a, "the bytes are not an HTTP request")
    }
}
