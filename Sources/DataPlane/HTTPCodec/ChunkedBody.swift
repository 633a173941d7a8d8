/// A strict decoder for the chunked coding (RFC 9112 §7.1).
///
/// Extensions and trailers are validated, bounded and dropped. A trailer never counts as a header, and one that would
/// affect authentication, framing, routing or the content's format is refused.
package struct ChunkedBody: Sendable {
    /// The most bytes that all extensions and trailers of one body may have together.
    package static let overheadBytesMax = 16 << 10
    private static let sizeDigitsMax = 16

    private enum State {
        case size, sizeEnd, extensions, data, dataCR, dataLF, trailer, trailerLF, done
    }

    private var state = State.size
    private var size = 0
    private var digits = 0
    private var overhead = 0
    /// The current extensions or trailer line.
    private var line: [UInt8] = []

    /// The most bytes that the decoded body may have.
    private let bodyBytesMax: Int
    private var bodyBytes = 0

    package init(bodyBytesMax: Int) { self.bodyBytesMax = bodyBytesMax }

    package var isDone: Bool { state == .done }

    /// Appends the decoded bytes to `out`.
    ///
    /// - Returns: how many bytes of input were used: all of them, unless the body ended earlier.
    package mutating func decode(_ bytes: UnsafeRawBufferPointer, into out: inout [UInt8]) throws(HTTPParseError) -> Int
    {
        var at = 0
        while at < bytes.count, state != .done {
            if state == .data {
                let count = min(size, bytes.count - at)
                out.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[at..<(at + count)]))
                size -= count
                at += count
                if size == 0 { state = .dataCR }
            } else {
                try step(bytes[at])
                at += 1
            }
        }
        return at
    }

    private mutating func step(_ byte: UInt8) throws(HTTPParseError) {
        switch state {
        case .size: try readSize(byte)
        case .extensions:
            if byte == 0x0d { try endExtensions() } else { try collect(byte) }
        case .sizeEnd:
            try expect(byte, 0x0a)
            bodyBytes += size
            guard bodyBytes <= bodyBytesMax else { throw .bodyTooLarge }
            state = size == 0 ? .trailer : .data
            digits = 0
        case .dataCR:
            try expect(byte, 0x0d)
            state = .dataLF
        case .dataLF:
            try expect(byte, 0x0a)
            state = .size
        case .trailer:
            if byte == 0x0d { state = .trailerLF } else { try collect(byte) }
        case .trailerLF:
            try expect(byte, 0x0a)
            try endTrailer()
        case .data, .done: break
        }
    }

    private mutating func readSize(_ byte: UInt8) throws(HTTPParseError) {
        if let digit = Self.hex(byte) {
            digits += 1
            // Absurd sizes are refused here, before they overflow.
            let isSane = digits <= Self.sizeDigitsMax && size <= Int.max >> 12
            try HTTPParseError.malformed(unless: isSane, "a chunk size is too long")
            size = size << 4 | digit
            return
        }
        try HTTPParseError.malformed(unless: digits > 0, "a chunk has no valid size")
        if byte == 0x0d {
            state = .sizeEnd
        } else {
            state = .extensions
            try collect(byte)
        }
    }

    private mutating func endExtensions() throws(HTTPParseError) {
        try HTTPParseError.malformed(unless: ChunkExtensions.areValid(line), "a chunk extension is malformed")
        line.removeAll()
        state = .sizeEnd
    }

    private mutating func endTrailer() throws(HTTPParseError) {
        guard !line.isEmpty else {
            state = .done
            return
        }
        let name = line.prefix { $0 != UInt8(ascii: ":") }
        let isField = !name.isEmpty && name.count < line.count && name.allSatisfy(ByteClass.isToken)
        try HTTPParseError.malformed(unless: isField, "a trailer is malformed")
        let text = String(decoding: name, as: UTF8.self).lowercased()
        try HTTPParseError.malformed(unless: !Self.forbidden.contains(text), "a field that is not allowed as a trailer")
        line.removeAll()
        state = .trailer
    }

    /// Fields that must not be trailers (RFC 9110 §6.5.1): framing, routing, authentication and content format.
    private static let forbidden: Set<String> = [
        "api-key", "authorization", "content-encoding", "content-length", "content-type", "expect", "host",
        "transfer-encoding", "x-api-key",
    ]

    private mutating func collect(_ byte: UInt8) throws(HTTPParseError) {
        overhead += 1
        guard overhead <= Self.overheadBytesMax else { throw .malformed("chunk extensions or trailers are too long") }
        try HTTPParseError.malformed(unless: ByteClass.isFieldText(byte), "a chunk extension or trailer is malformed")
        line.append(byte)
    }

    private func expect(_ byte: UInt8, _ wanted: UInt8) throws(HTTPParseError) {
        try HTTPParseError.malformed(unless: byte == wanted, "a chunk does not end with CRLF")
    }

    private static func hex(_ byte: UInt8) -> Int? {
        switch byte {
        case 0x30...0x39: Int(byte) - 0x30
        case 0x41...0x46: Int(byte) - 0x37
        case 0x61...0x66: Int(byte) - 0x57
        default: nil
        }
    }
}

/// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )` (RFC 9112 §7.1.1).
private enum ChunkExtensions {
    static func areValid(_ bytes: [UInt8]) -> Bool {
        var at = 0
        func skipSpace() { while at < bytes.count, ByteClass.isSpace(bytes[at]) { at += 1 } }
        func token() -> Bool {
            let start = at
            while at < bytes.count, ByteClass.isToken(bytes[at]) { at += 1 }
            return at > start
        }
        func quoted() -> Bool {
            at += 1
            while at < bytes.count, bytes[at] != UInt8(ascii: "\"") { at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1 }
            at += 1
            return at <= bytes.count
        }
        while at < bytes.count {
            skipSpace()
            guard at < bytes.count, bytes[at] == UInt8(ascii: ";") else { return false }
            at += 1
            skipSpace()
            guard token() else { return false }
            skipSpace()
            guard at < bytes.count, bytes[at] == UInt8(ascii: "=") else { continue }
            at += 1
            skipSpace()
            guard at < bytes.count else { return false }
            guard bytes[at] == UInt8(ascii: "\"") ? quoted() : token() else { return false }
        }
        return true
    }
}
