import HTTPCodec
import Testing

@Suite struct HeadParserTests {
    static let bounds = HeadBounds(bytesMax: 1_024, fieldsMax: 5, targetBytesMax: 100)

    /// Parses in one go and byte by byte: both must give the same result.
    private func parse(_ text: String) throws(HTTPParseError) -> HTTPHead? {
        let bytes = Array(text.utf8)
        var whole = HeadParser(Self.bounds)
        var drip = HeadParser(Self.bounds)
        let first = Self.result(&whole, bytes)
        var second = Result<HTTPHead?, HTTPParseError>.success(nil)
        for count in 1...max(1, bytes.count) {
            second = Self.result(&drip, Array(bytes.prefix(count)))
            guard case .success(nil) = second else { break }
        }
        #expect(first == second, "cut bytes are read otherwise: \(text.debugDescription)")
        return try first.get()
    }

    private static func result(_ parser: inout HeadParser, _ bytes: [UInt8]) -> Result<HTTPHead?, HTTPParseError> {
        do throws(HTTPParseError) {
            return .success(
                try bytes.withUnsafeBytesTyped { raw throws(HTTPParseError) in try parser.parse(raw)?.head })
        } catch {
            return .failure(error)
        }
    }

    @Test(
        "TE: trailers and Origin are seen, in any case and place of a list",
        arguments: [
            ("TE: trailers", true), ("te: gzip, Trailers", true), ("TE:\ttrailers ;q=0.1", true),
            ("TE: trailersx", false),
            ("TE: x;q=trailers", false), ("TE: ", false), ("TEE: trailers", false),
        ])
    func trailers(field: String, accepted: Bool) throws {
        let head = try parse("GET / HTTP/1.1\r\nHost: x\r\n\(field)\r\n\r\n")
        #expect(head?.acceptsTrailers == accepted && head?.hasOrigin == false)
        let other = try parse("GET / HTTP/1.1\r\nHost: x\r\norigin: null\r\nOrigins: x\r\n\r\n")
        #expect(other?.hasOrigin == true && other?.acceptsTrailers == false)
    }

    @Test("the lines of Cache-Control are one list")
    func cacheControl() throws {
        let head = try parse("GET / HTTP/1.1\r\nHost: a\r\nCache-Control: no-cache\r\ncache-control: max-age=5\r\n\r\n")
        #expect(head?.cacheControl == "no-cache,max-age=5")
    }

    @Test("reads a head")
    func plain() throws {
        let head = try parse(
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nauthorization:  Bearer b \r\nCONTENT-LENGTH: 12\r\nExpect: 100-Continue\r\n\r\n"
        )
        #expect(head?.method == "POST" && head?.target == "/v1/x" && head?.authorization == "Bearer b")
        #expect(head?.body == .length(12) && head?.expectsContinue == true && head?.keepAlive == true)
        #expect(try parse("GET / HTTP/1.0\r\n\r\n")?.keepAlive == false)
        #expect(try parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")?.keepAlive == true)
        #expect(try parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n")?.keepAlive == false)
        #expect(try parse("\r\nPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n")?.body == .chunked)
        #expect(try parse("GET / HTTP/1.1\r\nHost: a\r\n") == nil)
    }

    @Test(
        "refuses what could be read in two ways",
        arguments: [
            "GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
            "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
            "get / HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: \u{0}\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: é\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12345678901234567890\r\n\r\n", "\u{16}\u{3}\u{1}",
            "GET / http/1.1\r\nHost: a\r\n\r\n", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n",
        ])
    func malformed(text: String) {
        do throws(HTTPParseError) {
            let head = try parse(text)
            Issue.record("\(text.debugDescription) was read as \(String(describing: head))")
        } catch {
            if case .malformed = error { return }
            Issue.record("\(text.debugDescription): \(error)")
        }
    }

    @Test("bounds the head, its fields and its target")
    func bounds() {
        let fields = (1...6).map { "X-\($0): a\r\n" }.joined()
        #expect(throws: HTTPParseError.headTooLarge) { try parse("GET / HTTP/1.1\r\n\(fields)\r\n") }
        let long = String(repeating: "a", count: 1_100)
        #expect(throws: HTTPParseError.headTooLarge) { try parse("GET / HTTP/1.1\r\nX: \(long)\r\n\r\n") }
        #expect(throws: HTTPParseError.targetTooLong) { try parse("GET /\(long) HTTP/1.1\r\n\r\n") }
        #expect(throws: HTTPParseError.targetTooLong) {
            try parse("GET /\(long.prefix(100)) HTTP/1.1\r\nHost: a\r\n\r\n")
        }
    }
}

extension [UInt8] {
    /// `withUnsafeBytes` for closures with typed throws.
    func withUnsafeBytesTyped<T, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> T) throws(E) -> T {
        let result = withUnsafeBytes { raw -> Result<T, E> in
            do throws(E) { return .success(try body(raw)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}
