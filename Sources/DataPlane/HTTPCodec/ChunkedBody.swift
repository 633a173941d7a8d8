/// Takes the chunked coding off a body (RFC 9112 §7.1), strictly. Extensions and trailers are read, bounded and dropped: a
/// trailer never counts as a header.
package struct ChunkedBody: Sendable {
    /// Bytes of all extensions and trailers of one body together.
    package static let overheadBytesMax = 16 << 10
    private static let sizeDigitsMax = 8

    private enum State {
        case size, sizeEnd, data, dataCR, dataLF, trailerStart, trailer, trailerLF, lastLF, done
        case extensions
    }

    private var state = State.size
    private var size = 0
    private var digits = 0
    private var overhead = 0

    package init() {}

    package var isDone: Bool { state == .done }

    /// Appends the body's bytes to `out` and returns how many bytes of the coding were used: all of them, unless the body
    /// ended before.
    package mutating func decode(_ bytes: UnsafeRawBufferPointer, into out: inout [UInt8]) throws(HTTPFlaw) -> Int {
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

    private mutating func step(_ byte: UInt8) throws(HTTPFlaw) {
        switch state {
        case .size: try readSize(byte)
        case .extensions:
            try count(byte)
            if byte == 0x0d { state = .sizeEnd }
        case .sizeEnd:
            try expect(byte, 0x0a)
            state = size == 0 ? .trailerStart : .data
            digits = 0
        case .dataCR:
            try expect(byte, 0x0d)
            state = .dataLF
        case .dataLF:
            try expect(byte, 0x0a)
            state = .size
        case .trailerStart:
            state = byte == 0x0d ? .lastLF : .trailer
            if state == .trailer { try trailer(byte) }
        case .trailer: try trailer(byte)
        case .trailerLF:
            try expect(byte, 0x0a)
            state = .trailerStart
        case .lastLF:
            try expect(byte, 0x0a)
            state = .done
        case .data, .done: break
        }
    }

    private mutating func readSize(_ byte: UInt8) throws(HTTPFlaw) {
        if let digit = Self.hex(byte) {
            digits += 1
            try HTTPFlaw.malformed(unless: digits <= Self.sizeDigitsMax, "a chunk size is too long")
            size = size << 4 | digit
            return
        }
        try HTTPFlaw.malformed(unless: digits > 0, "a chunk has no valid size")
        switch byte {
        case 0x0d: state = .sizeEnd
        case UInt8(ascii: ";"): state = .extensions
        default: throw .malformed("a chunk has no valid size")
        }
    }

    private mutating func trailer(_ byte: UInt8) throws(HTTPFlaw) {
        try count(byte)
        if byte == 0x0d { state = .trailerLF }
    }

    private mutating func count(_ byte: UInt8) throws(HTTPFlaw) {
        overhead += 1
        guard overhead <= Self.overheadBytesMax else { throw .headTooLarge }
        let isText = ByteClass.isFieldText(byte) || byte == 0x0d
        try HTTPFlaw.malformed(unless: isText, "a chunk extension or trailer is malformed")
    }

    private func expect(_ byte: UInt8, _ wanted: UInt8) throws(HTTPFlaw) {
        try HTTPFlaw.malformed(unless: byte == wanted, "a chunk does not end with CRLF")
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
