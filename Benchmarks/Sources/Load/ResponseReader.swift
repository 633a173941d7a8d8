import Sockets

/// Takes an HTTP/1.1 answer apart, however its bytes are cut, and hands out the body without its framing.
struct ResponseReader {
    private enum Part {
        case head
        case body(left: Int)
        case size(Int)
        /// A chunk's bytes, and the line end after them.
        case chunk(left: Int)
        case trailer
    }

    private var part = Part.head
    private var head: [UInt8] = []
    private(set) var status = 0
    private(set) var closes = false
    private(set) var saysWhen = false

    /// Returns whether the answer is whole; bytes after it would be an answer to nothing and are not looked for.
    mutating func read(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
        var at = 0
        if case .head = part {
            let before = head.count
            head.append(contentsOf: bytes)
            guard let end = head.withUnsafeBytes({ $0.find("\r\n\r\n") }) else { return false }
            head.withUnsafeBytes { readHead(UnsafeRawBufferPointer(rebasing: $0[..<(end + 2)])) }
            head.removeAll(keepingCapacity: true)
            at = end + 4 - before
        }
        while true {
            switch part {
            case .head: return false
            case .body(let left):
                body(UnsafeRawBufferPointer(rebasing: bytes[at...].prefix(left)))
                part = .body(left: left - min(left, bytes.count - at))
                if case .body(left: 0) = part { return whole() }
                return false
            case .chunk(let left) where left > 2:
                guard at < bytes.count else { return false }
                let data = bytes[at...].prefix(left - 2)
                body(UnsafeRawBufferPointer(rebasing: data))
                at += data.count
                part = .chunk(left: left - data.count)
            default:
                guard at < bytes.count else { return false }
                if readFraming(bytes[at]) { return whole() }
                at += 1
            }
        }
    }

    /// One byte between chunks; returns whether it was the last of the answer.
    private mutating func readFraming(_ byte: UInt8) -> Bool {
        switch part {
        case .size(let size):
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): part = .size(size * 16 + Int(byte) - 48)
            case UInt8(ascii: "a")...UInt8(ascii: "f"): part = .size(size * 16 + Int(byte) - 87)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): part = .size(size * 16 + Int(byte) - 55)
            case UInt8(ascii: "\n"):
                part = size == 0 ? .trailer : .chunk(left: size + 2)
            default: break
            }
        case .chunk(let left): part = left == 1 ? .size(0) : .chunk(left: left - 1)
        case .trailer: return byte == UInt8(ascii: "\n")
        case .head, .body: break
        }
        return false
    }

    private mutating func readHead(_ bytes: UnsafeRawBufferPointer) {
        status = bytes.number(from: 9)
        saysWhen = bytes.startOfHeader("\r\nretry-after:") != nil
        closes = bytes.startOfHeader("\r\nconnection: close") != nil
        part = bytes.header("\r\ncontent-length:").map { .body(left: $0) } ?? .size(0)
    }

    private mutating func whole() -> Bool {
        part = .head
        return true
    }
}
