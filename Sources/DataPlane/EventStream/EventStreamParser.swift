/// Parses Server-Sent Events from input that may be split anywhere (WHATWG HTML §9.2.6).
///
/// Works on bytes: only LF, CRLF and CR end a line, so U+2028 inside JSON is safe. Comments, names, IDs and retry
/// hints are dropped: what an event is, its data says. An incomplete last event is not delivered.
package struct EventStreamParser: Sendable {
    /// The maximum size of an event in bytes; a larger one ends the stream with an error.
    package static let eventBytesMax = 1 << 20

    package enum ParseError: Error, Equatable { case eventTooLarge }

    /// One event: its data lines joined by LF.
    package struct Event: Sendable, Equatable {
        package var data: [UInt8]

        package init(data: [UInt8]) { self.data = data }
    }

    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var endedByCR = false
    private var atStart = true

    package init() {}

    /// Parses the next bytes and calls `body` for each event they complete.
    package mutating func feed(_ bytes: [UInt8], _ body: (Event) -> Void) throws(ParseError) {
        var at = 0
        while at < bytes.count {
            if endedByCR {
                endedByCR = false
                if bytes[at] == 0x0a {
                    at += 1
                    continue
                }
            }
            let end = bytes[at...].firstIndex { $0 == 0x0a || $0 == 0x0d }
            let part = bytes[at..<(end ?? bytes.count)]
            guard line.count + part.count + data.count <= Self.eventBytesMax else { throw .eventTooLarge }
            guard let end else {
                line += part
                return
            }
            endedByCR = bytes[end] == 0x0d
            at = end + 1
            // Most lines arrive whole and are read without a copy.
            if line.isEmpty {
                parse(line: part, body)
            } else {
                let whole = line + part
                line.removeAll(keepingCapacity: true)
                parse(line: whole[...], body)
            }
        }
    }

    private mutating func parse(line wholeLine: ArraySlice<UInt8>, _ body: (Event) -> Void) {
        var line = wholeLine
        if atStart {
            atStart = false
            if line.starts(with: [0xef, 0xbb, 0xbf]) { line = line.dropFirst(3) }
        }
        guard let first = line.first else {
            if hasData { body(Event(data: data)) }
            data = []
            hasData = false
            return
        }
        guard first != UInt8(ascii: ":") else { return }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[min(colon + 1, line.endIndex)...]
        if value.first == 0x20 { value = value.dropFirst() }
        if line[..<colon].elementsEqual("data".utf8) {
            if hasData { data.append(0x0a) }
            data += value
            hasData = true
        }
    }
}
