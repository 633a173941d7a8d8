import HTTPCodec

/// However a head is split, it is judged alike, and an accepted head contains nothing ambiguous.
func fuzzHTTPHead(_ input: FuzzInput) {
    let whole = parse([input.rest])
    let parts = parse(input.pieces)
    // With fewer bytes, a different error may be found first; whether there is one must not depend on the split.
    require((whole == .refused) == (parts == .refused), "another cutting gives another verdict")
    if case .head = whole { require(whole == parts, "another cutting gives another head") }
    if case .head(let head, let count) = whole { check(head, Array(input.rest[..<count])) }
}

private enum Verdict: Equatable {
    case head(HTTPHead, Int)
    case more
    case refused
}

/// Gives the parser everything received so far, again and again.
private func parse(_ pieces: [[UInt8]]) -> Verdict {
    var parser = HeadParser(HeadBounds(bytesMax: 1 << 10, fieldsMax: 20, targetBytesMax: 200))
    var arrived: [UInt8] = []
    for piece in pieces {
        arrived += piece
        do {
            if let (head, count) = try Array(arrived).withUnsafeBytes({ try parser.parse($0) }) {
                return .head(head, count)
            }
        } catch { return .refused }
    }
    return .more
}

private func check(_ head: HTTPHead, _ bytes: [UInt8]) {
    require(bytes.suffix(4) == [0x0d, 0x0a, 0x0d, 0x0a], "a head that does not end with an empty line")
    require(bytes.count <= 1 << 10, "a head over its bound")
    require(!head.method.isEmpty && head.method.utf8.allSatisfy { $0 >= 0x41 && $0 <= 0x5a }, "the method")
    require(head.target.hasPrefix("/") || head.target == "*", "the target")
    require(head.target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }, "the target's bytes")
    let values = [head.authorization, head.contentType, head.contentEncoding, head.corsHeaders, head.forwardedFor]
        .compactMap { $0 }
    for value in values { require(value.utf8.allSatisfy { $0 == 0x09 || $0 >= 0x20 && $0 < 0x7f }, "a value's bytes") }
    if let length = head.contentLength { require(length >= 0, "a length below zero") }
    checkFraming(head, String(decoding: bytes, as: UTF8.self).lowercased())
}

/// The body's length is given once, by the field spelled exactly so.
private func checkFraming(_ head: HTTPHead, _ text: String) {
    let lines = text.split(separator: "\r\n").dropFirst()
    let lengths = lines.count { $0.hasPrefix("content-length:") }
    let codings = lines.count { $0.hasPrefix("transfer-encoding:") }
    switch head.body {
    case .none: require(lengths == 0 && codings == 0, "a body without a length")
    case .length: require(lengths == 1 && codings == 0, "a length out of nothing")
    case .chunked: require(lengths == 0 && codings == 1 && !head.isHTTP10, "chunks out of nothing")
    }
}
