import HTTPCodec
import Testing

@Suite struct ChunkedBodyTests {
    /// Decodes in pieces of `step` bytes; the leftover does not belong to the body.
    private func decode(_ text: String, step: Int) throws(HTTPParseError) -> (body: String, isDone: Bool, left: Int) {
        let bytes = Array(text.utf8)
        var decoder = ChunkedBody(bodyBytesMax: 1_000)
        var out: [UInt8] = []
        var at = 0
        while at < bytes.count, !decoder.isDone {
            let piece = Array(bytes[at..<min(at + step, bytes.count)])
            at += try piece.withUnsafeBytesTyped { raw throws(HTTPParseError) in try decoder.decode(raw, into: &out) }
        }
        return (String(decoding: out, as: UTF8.self), decoder.isDone, bytes.count - at)
    }

    @Test("takes the coding off, however the bytes are cut", arguments: [1, 2, 3, 5, 1_000])
    func plain(step: Int) throws {
        let coded = "5\r\nhello\r\n00a;x=\"y\"\r\n, wide wor\r\n2\r\nld\r\n0\r\nX-Sum: 1\r\n\r\nNEXT"
        let (body, isDone, left) = try decode(coded, step: step)
        #expect(body == "hello, wide world" && isDone && left == 4)
    }

    @Test(
        "refuses anything else",
        arguments: [
            "\r\n", "g\r\n", "-1\r\n", "+1\r\n", " 1\r\n", "1 \r\n", "0x1\r\n", "1\n", "1\r\nab\r\n", "1\r\na\n",
            "1\r\na\rX",
            "0\r\n\n", "0\r\nX\u{0}: a\r\n", "1;\u{1}\r\n",
            "1;\r\n", "1;a=\r\n", "1;a b\r\n", "1;a=\"b\r\n", "0\r\nX\r\n", "0\r\nX : a\r\n", "0\r\n: a\r\n",
            "0\r\nauthorization: a\r\n", "fffffffffffffffff\r\n",
        ])
    func malformed(text: String) {
        for step in [1, 1_000] {
            #expect(throws: HTTPParseError.self, "\(text.debugDescription)") { try decode(text, step: step) }
        }
    }

    @Test("bounds the body by what is announced, extensions and trailers")
    func bounds() {
        #expect(throws: HTTPParseError.bodyTooLarge) { try decode("3e9\r\n", step: 5) }
        #expect(throws: HTTPParseError.bodyTooLarge) { try decode("1\r\na\r\n7ffffffffffff\r\n", step: 50) }
        let long = String(repeating: "a", count: ChunkedBody.overheadBytesMax + 1)
        #expect(throws: HTTPParseError.self) { try decode("1;\(long)\r\n", step: 4_096) }
        #expect(throws: HTTPParseError.self) { try decode("0\r\nX: \(long)\r\n\r\n", step: 4_096) }
    }
}

@Suite struct ProxyHeaderTests {
    private func parse(_ bytes: [UInt8]) throws(HTTPParseError) -> (address: ProxyHeader.Address, count: Int)? {
        try bytes.withUnsafeBytesTyped { raw throws(HTTPParseError) in try ProxyHeader.parse(raw) }
    }

    @Test("reads version 1")
    func first() throws {
        let line = Array("PROXY TCP4 10.1.2.3 10.0.0.1 5000 80\r\n".utf8)
        let read = try parse(line + Array("GET".utf8))
        #expect(read?.address == .text("10.1.2.3", isIPv6: false) && read?.count == line.count)
        for count in 1..<line.count { #expect(try parse(Array(line.prefix(count))) == nil) }
        #expect(try parse(Array("PROXY UNKNOWN\r\n".utf8))?.address == ProxyHeader.Address.none)
    }

    @Test("reads version 2")
    func second() throws {
        let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
        let header = signature + [0x21, 0x11, 0, 12, 10, 1, 2, 3, 10, 0, 0, 1, 0x13, 0x88, 0, 80]
        let read = try parse(header + [1])
        #expect(read?.address == .bytes([10, 1, 2, 3]) && read?.count == header.count)
        for count in 1..<header.count { #expect(try parse(Array(header.prefix(count))) == nil) }
        #expect(try parse(signature + [0x20, 0, 0, 0])?.address == ProxyHeader.Address.none)
    }

    @Test("refuses anything else", arguments: ["GET / HTTP/1.1\r\n", "PROXY\r\n", "PROXY TCP4 a\r\n", "\r\n\r\nGET"])
    func malformed(text: String) {
        #expect(throws: HTTPParseError.self) { try parse(Array(text.utf8)) }
    }
}
