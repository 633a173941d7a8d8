import EventStream
import Testing

@Suite struct EventStreamParserTests {
    private static func parse(_ parts: [[UInt8]]) throws -> [EventStreamParser.Event] {
        var parser = EventStreamParser()
        var events: [EventStreamParser.Event] = []
        for part in parts { try parser.feed(part) { events.append($0) } }
        return events
    }

    private static let fixtures: [(String, [String])] = [
        ("data: a\n\ndata: b\n\n", ["a", "b"]),
        ("data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
        ("data: a\r\rdata: b\r\r", ["a", "b"]),
        ("data:a\n\n", ["a"]), ("data:  a\n\n", [" a"]), ("data: a\ndata: b\n\n", ["a\nb"]),
        (": comment\n\n: another\ndata: a\n\n", ["a"]), ("id: 1\nretry: 5\nfoo: x\ndata: a\n\n", ["a"]),
        ("\u{feff}data: a\n\n", ["a"]), ("data: a\n", []), ("data: a", []), ("\n\n\n", []), ("data\n\n", [""]),
        ("data: {\"t\":\"\u{2028}\u{85}é😀\"}\n\n", ["{\"t\":\"\u{2028}\u{85}é😀\"}"]),
    ]

    @Test("gives the same events however the bytes are cut", arguments: fixtures.indices)
    func cuts(at index: Int) throws {
        let (text, expected) = Self.fixtures[index]
        let bytes = Array(text.utf8)
        let shown = { (events: [EventStreamParser.Event]) in events.map { String(decoding: $0.data, as: UTF8.self) } }
        #expect(try shown(Self.parse([bytes])) == expected)
        #expect(try shown(Self.parse(bytes.map { [$0] })) == expected, "byte by byte")
        for cut in 0...bytes.count {
            #expect(try shown(Self.parse([Array(bytes[..<cut]), Array(bytes[cut...])])) == expected, "cut at \(cut)")
        }
    }

    @Test("an event's name is not part of its data")
    func names() throws {
        let events = try Self.parse([Array("event: error\ndata: x\n\ndata: y\n\n".utf8)])
        #expect(events == [.init(data: Array("x".utf8)), .init(data: Array("y".utf8))])
    }

    @Test("breaks on an event beyond its bound, with and without line ends")
    func bounded() {
        let line = Array("data: ".utf8) + [UInt8](repeating: 120, count: 600_000) + [10]
        #expect(throws: EventStreamParser.ParseError.eventTooLarge) { try Self.parse([line, line]) }
        #expect(throws: EventStreamParser.ParseError.eventTooLarge) {
            try Self.parse([[UInt8](repeating: 120, count: EventStreamParser.eventBytesMax + 1)])
        }
    }
}
