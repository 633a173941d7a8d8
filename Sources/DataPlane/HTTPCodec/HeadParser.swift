/// Parses the head of an HTTP/1.1 request, strictly (RFC 9112, RFC 9110 §5): CRLF ends a line and nothing else does, no
/// folding, no space before a colon, one Host, one way to say how long the body is. What two servers could read in two ways
/// is refused, because that is what request smuggling lives on.
///
/// Give it everything that has arrived since the head's first byte, again and again, until it returns a head.
package struct HeadParser: Sendable {
    private let bounds: HeadBounds
    /// Lines up to here are complete and end with CRLF.
    private var lineStart = 0
    private var searched = 0
    private var lineCount = 0

    package init(_ bounds: HeadBounds) { self.bounds = bounds }

    /// Whether any byte of a head has been seen.
    package private(set) var hasBegun = false

    /// - Returns: the head and the bytes it took, or `nil` when more are needed.
    package mutating func parse(_ bytes: UnsafeRawBufferPointer) throws(HTTPFlaw) -> (head: HTTPHead, count: Int)? {
        guard !bytes.isEmpty else { return nil }
        try checkFirst(bytes)
        let limit = min(bytes.count, bounds.bytesMax)
        while searched < limit {
            guard let newline = bytes[searched..<limit].firstIndex(of: 0x0a) else {
                searched = limit
                break
            }
            try HTTPFlaw.malformed(unless: newline > 0 && bytes[newline - 1] == 0x0d, "a line does not end with CRLF")
            searched = newline + 1
            let isEmpty = newline - 1 == lineStart
            // One empty line before a request is forgiven (RFC 9112 §2.2): some clients end a body with one.
            if isEmpty, lineCount > 0 {
                let head = try HeadReader(bytes, bounds).read(upTo: newline + 1)
                let count = newline + 1
                self = HeadParser(bounds)
                return (head, count)
            }
            try HTTPFlaw.malformed(unless: !isEmpty || lineStart == 0, "empty lines before the request")
            if !isEmpty { lineCount += 1 }
            lineStart = searched
            // The request line, and the line that ends the head, are no fields.
            if lineCount > bounds.fieldsMax + 1 { throw .headTooLarge }
        }
        if limit == bounds.bytesMax { throw lineCount == 0 ? .targetTooLong : .headTooLarge }
        return nil
    }

    /// A first byte that cannot begin a method, such as TLS on the plain port, is answered at once.
    private mutating func checkFirst(_ bytes: UnsafeRawBufferPointer) throws(HTTPFlaw) {
        guard !hasBegun else { return }
        hasBegun = true
        let first = bytes[0]
        let isUpper = first >= 0x41 && first <= 0x5a
        try HTTPFlaw.malformed(unless: isUpper || first == 0x0d || first == 0x0a, "the bytes are no HTTP request")
    }
}
