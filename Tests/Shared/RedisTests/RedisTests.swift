import GatewayModel
import Redis
import Testing

@Suite struct RESPReaderTests {
    private static let replies: [(String, RESPValue)] = [
        ("+OK\r\n", .string("OK")), (":-12\r\n", .integer(-12)), ("$5\r\nhe\r\nl\r\n", .string("he\r\nl")),
        ("$-1\r\n", .null), ("*-1\r\n", .null), ("-ERR no\r\n", .error("ERR no")),
        ("*3\r\n:1\r\n$2\r\nab\r\n*1\r\n+x\r\n", .array([.integer(1), .string("ab"), .array([.string("x")])])),
    ]

    @Test("reads each reply whole and cut at every byte", arguments: replies.indices)
    func reads(at index: Int) throws {
        let (text, value) = Self.replies[index]
        let bytes = Array(text.utf8)
        for cut in 0..<bytes.count {
            var reader = RESPReader(replyBytesMax: 1 << 20)
            try bytes[..<cut].withUnsafeBytes { try reader.feed($0) }
            #expect(try reader.next() == nil, "incomplete after \(cut) bytes")
            try bytes[cut...].withUnsafeBytes { try reader.feed($0) }
            #expect(try reader.next() == value)
            #expect(try reader.next() == nil)
        }
    }

    @Test("a bulk reply is there as it was sent, text or not")
    func binary() throws {
        for sent in [[0xff, 0x00, 0x0d, 0x0a, 0xc3], Array("é".utf8), []] as [[UInt8]] {
            var reader = RESPReader(replyBytesMax: 1 << 20)
            let wire = Array("$\(sent.count)\r\n".utf8) + sent + Array("\r\n".utf8)
            try wire.withUnsafeBytes { try reader.feed($0) }
            #expect(try reader.next()?.bytes == sent)
        }
    }

    @Test("refuses nonsense", arguments: ["hello\r\n", "*99999999999\r\n", "$-5\r\n", ":x\r\n"])
    func refuses(text: String) {
        #expect(throws: RedisError.self) {
            var reader = RESPReader(replyBytesMax: 1 << 20)
            try Array(text.utf8).withUnsafeBytes { try reader.feed($0) }
            _ = try reader.next()
        }
    }

    @Test("refuses a reply beyond its bound before it is complete")
    func bounded() {
        #expect(throws: RedisError.self) {
            var reader = RESPReader(replyBytesMax: 100)
            try Array(("$1000\r\n" + String(repeating: "x", count: 200)).utf8).withUnsafeBytes { try reader.feed($0) }
        }
    }
}

@Suite struct RedisEndpointTests {
    @Test("reads URLs")
    func reads() throws {
        let full = try #require(RedisEndpoint(url: "redis://dp:se:cret@example:7000/0"))
        #expect(
            full.host == "example" && full.port == 7000 && full.user == "dp" && full.password?.reveal() == "se:cret")
        let bare = try #require(RedisEndpoint(url: "redis://example"))
        #expect(bare.port == 6379 && bare.password == nil)
    }

    @Test("refuses others", arguments: ["", "example:1", "redis://", "redis://h:0", "redis://h:x", "http://h"])
    func refuses(url: String) { #expect(RedisEndpoint(url: url) == nil) }
}
