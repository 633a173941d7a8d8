/// Reads a complete head.
struct HeadReader {
    private let bytes: UnsafeRawBufferPointer
    private let bounds: HeadBounds
    private var head = HTTPHead()
    private var hostSeen = false
    private var lengthSeen = false
    private var codingSeen = false
    private var connectionSeen = false
    private var typeSeen = false
    private var authorizationSeen = false

    init(_ bytes: UnsafeRawBufferPointer, _ bounds: HeadBounds) {
        self.bytes = bytes
        self.bounds = bounds
    }

    consuming func read(upTo end: Int) throws(HTTPParseError) -> HTTPHead {
        var at = bytes[0] == 0x0d && bytes[1] == 0x0a ? 2 : 0
        var lineEnd = endOfLine(from: at)
        try requestLine(at..<lineEnd)
        at = lineEnd + 2
        while at < end - 2 {
            lineEnd = endOfLine(from: at)
            try field(at..<lineEnd)
            at = lineEnd + 2
        }
        try checkComplete()
        return head
    }

    /// The offset of the CR that ends the line. A CR elsewhere in the line is refused by its reader.
    private func endOfLine(from start: Int) -> Int {
        var at = start
        while bytes[at] != 0x0a { at += 1 }
        return at - 1
    }

    // MARK: The request line (RFC 9112 §3)

    private mutating func requestLine(_ line: Range<Int>) throws(HTTPParseError) {
        var at = line.lowerBound
        while at < line.upperBound, bytes[at] >= 0x41, bytes[at] <= 0x5a { at += 1 }
        let methodCount = at - line.lowerBound
        let isMethod = methodCount > 0 && methodCount <= 16 && at < line.upperBound && bytes[at] == 0x20
        try HTTPParseError.malformed(unless: isMethod, "the request line is malformed")
        head.method = text(line.lowerBound..<at)
        let start = at + 1
        at = start
        while at < line.upperBound, ByteClass.isTarget(bytes[at]) { at += 1 }
        guard at - start <= bounds.targetBytesMax else { throw .targetTooLong }
        let isTarget = at > start && at < line.upperBound && bytes[at] == 0x20
        try HTTPParseError.malformed(unless: isTarget, "the request line is malformed")
        let isPath = bytes[start] == UInt8(ascii: "/") || head.method == "OPTIONS" && equals(start..<at, "*")
        try HTTPParseError.malformed(unless: isPath, "the request target must be a path")
        head.target = text(start..<at)
        let version = (at + 1)..<line.upperBound
        // The protocol's name is case-sensitive, unlike field names (RFC 9112 §2.3).
        let isHTTP = version.count == 8 && bytes[version].starts(with: "HTTP/1.".utf8)
        let minor = isHTTP ? bytes[version.upperBound - 1] : 0
        try HTTPParseError.malformed(unless: minor == 0x30 || minor == 0x31, "the HTTP version is not 1.0 or 1.1")
        head.isHTTP10 = minor == 0x30
        head.keepAlive = !head.isHTTP10
    }

    // MARK: Fields (RFC 9110 §5)

    private mutating func field(_ line: Range<Int>) throws(HTTPParseError) {
        var colon = line.lowerBound
        while colon < line.upperBound, ByteClass.isToken(bytes[colon]) { colon += 1 }
        let isNamed = colon > line.lowerBound && colon < line.upperBound && bytes[colon] == UInt8(ascii: ":")
        try HTTPParseError.malformed(unless: isNamed, "a header field has no valid name")
        var start = colon + 1
        var end = line.upperBound
        while start < end, ByteClass.isSpace(bytes[start]) { start += 1 }
        while end > start, ByteClass.isSpace(bytes[end - 1]) { end -= 1 }
        for at in start..<end where !ByteClass.isFieldText(bytes[at]) {
            throw .malformed("a header field has a value that is not plain ASCII text")
        }
        try parse(name: line.lowerBound..<colon, value: start..<end)
    }

    private mutating func parse(name: Range<Int>, value: Range<Int>) throws(HTTPParseError) {
        switch name.count {
        case 2 where equals(name, "te"): transferCodings(value)
        case 4 where equals(name, "host"):
            try once(&hostSeen, "more than one Host")
            try HTTPParseError.malformed(unless: HostField.isValid(bytes[value]), "the Host field is malformed")
        case 6 where equals(name, "expect"):
            let isKnown = equals(value, "100-continue") && !head.expectsContinue
            try HTTPParseError.malformed(unless: isKnown, "the Expect field is not 100-continue")
            head.expectsContinue = true
        case 6 where equals(name, "origin"): head.hasOrigin = true
        case 7 where equals(name, "api-key"), 9 where equals(name, "x-api-key"):
            if !value.isEmpty { head.apiKeys.append(text(value)) }
        case 10 where equals(name, "connection"): connection(value)
        case 12 where equals(name, "content-type"):
            try once(&typeSeen, "more than one Content-Type")
            head.contentType = text(value)
        case 13 where equals(name, "cache-control"):
            head.cacheControl = head.cacheControl.map { $0 + "," + text(value) } ?? text(value)
        case 13 where equals(name, "authorization"):
            try once(&authorizationSeen, "more than one Authorization")
            head.authorization = text(value)
        case 14 where equals(name, "content-length"):
            try once(&lengthSeen, "more than one Content-Length")
            head.body = .length(try length(value))
        case 15 where equals(name, "x-forwarded-for"):
            head.forwardedFor = head.forwardedFor.map { $0 + "," + text(value) } ?? text(value)
        case 16 where equals(name, "content-encoding"):
            head.contentEncoding = head.contentEncoding.map { $0 + "," + text(value) } ?? text(value)
        case 17 where equals(name, "transfer-encoding"):
            try once(&codingSeen, "more than one Transfer-Encoding")
            try HTTPParseError.malformed(unless: equals(value, "chunked"), "the transfer coding is not chunked")
        case 19 where equals(name, "x-client-request-id"): head.clientRequestID = text(value)
        case 30 where equals(name, "access-control-request-headers"): head.corsHeaders = text(value)
        default: break
        }
    }

    private func once(_ seen: inout Bool, _ what: StaticString) throws(HTTPParseError) {
        try HTTPParseError.malformed(unless: !seen, what)
        seen = true
    }

    /// `TE` is a list. Parameters of its members are irrelevant for trailers.
    private mutating func transferCodings(_ value: Range<Int>) {
        for coding in text(value).lowercased().split(separator: ",") {
            let word = coding.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" && $0 != ";" }
            if word == "trailers" { head.acceptsTrailers = true }
        }
    }

    private mutating func connection(_ value: Range<Int>) {
        for option in text(value).lowercased().split(separator: ",") {
            switch option.drop(while: { $0 == " " }).prefix(while: { $0 != " " }) {
            case "close":
                head.keepAlive = false
                connectionSeen = true
            case "keep-alive" where !connectionSeen: head.keepAlive = true
            // Upgrades are not supported; the field may be ignored (RFC 9110 §7.8).
            default: break
            }
        }
    }

    /// Digits only (RFC 9110 §8.6), and no more than the length of any body needs.
    private func length(_ value: Range<Int>) throws(HTTPParseError) -> Int {
        try HTTPParseError.malformed(unless: !value.isEmpty && value.count <= 18, "Content-Length is not a number")
        var number = 0
        for at in value {
            let digit = bytes[at] &- 0x30
            try HTTPParseError.malformed(unless: digit < 10, "Content-Length is not a number")
            number = number * 10 + Int(digit)
        }
        return number
    }

    private mutating func checkComplete() throws(HTTPParseError) {
        try HTTPParseError.malformed(unless: hostSeen || head.isHTTP10, "the Host field is missing")
        guard codingSeen else { return }
        try HTTPParseError.malformed(unless: !lengthSeen, "both Transfer-Encoding and Content-Length")
        try HTTPParseError.malformed(unless: !head.isHTTP10, "HTTP/1.0 has no transfer codings")
        head.body = .chunked
    }

    // MARK: Bytes

    private func text(_ range: Range<Int>) -> String {
        String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    }

    /// Case-insensitive comparison.
    private func equals(_ range: Range<Int>, _ name: StaticString) -> Bool {
        guard range.count == name.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count
        where ByteClass.lowered(bytes[range.lowerBound + offset]) != ByteClass.lowered(name.utf8Start[offset]) {
            return false
        }
        return true
    }
}
