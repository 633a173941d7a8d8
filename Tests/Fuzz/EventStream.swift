import EventStream

/// However a stream is split, the events are the same, and equal to those of a literal implementation of the standard.
func fuzzEventStream(_ input: FuzzInput) {
    let whole = parse([input.rest])
    require(parse(input.pieces) == whole, "another cutting gives other events")
    require(whole == plainly(input.rest), "not what the standard says")
}

private func parse(_ pieces: [[UInt8]]) -> [EventStreamParser.Event] {
    var parser = EventStreamParser()
    var events: [EventStreamParser.Event] = []
    for piece in pieces {
        guard (try? parser.feed(piece) { events.append($0) }) != nil else { fatalError("refused below its bound") }
    }
    return events
}

/// WHATWG HTML §9.2.6, applied to the whole stream at once.
private func plainly(_ bytes: [UInt8]) -> [EventStreamParser.Event] {
    var events: [EventStreamParser.Event] = []
    var data: [UInt8] = []
    for line in completeLines(bytes.starts(with: [0xef, 0xbb, 0xbf]) ? Array(bytes.dropFirst(3)) : bytes) {
        if line.isEmpty {
            if !data.isEmpty { events.append(EventStreamParser.Event(data: data.dropLast())) }
            data = []
            continue
        }
        let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        var value = parts.count == 2 ? parts[1] : []
        if value.first == 0x20 { value = value.dropFirst() }
        if parts[0].elementsEqual("data".utf8) { data += value + [0x0a] }
    }
    return events
}

private func completeLines(_ bytes: [UInt8]) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var line: [UInt8] = []
    for (at, byte) in bytes.enumerated() {
        if byte == 0x0a, at > 0, bytes[at - 1] == 0x0d { continue }
        if byte == 0x0a || byte == 0x0d {
            lines.append(line)
            line = []
        } else {
            line.append(byte)
        }
    }
    return lines
}
