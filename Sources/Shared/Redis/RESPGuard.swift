/// Checks RESP lengths before hiredis sees them, and stops at an implausible one.
///
/// hiredis 0.14 allocates an array of whatever size a header states, and freeing eight gigabytes of nothing takes
/// seconds.
struct RESPGuard {
    /// The most elements of one array: as many as fit into 1 MiB, the default reply bound, at four bytes each.
    private static let elementsMax = 262_144

    private var skip = 0
    private var kind: UInt8 = 0
    private var number = 0
    private var isNegative = false
    private var inLine = false

    mutating func check(_ bytes: UnsafeRawBufferPointer, bulkBytesMax: Int) throws(RedisError) {
        var at = 0
        while at < bytes.count {
            if skip > 0 {
                let count = min(skip, bytes.count - at)
                skip -= count
                at += count
                continue
            }
            let byte = bytes[at]
            at += 1
            guard inLine else {
                begin(byte)
                continue
            }
            if byte == 0x0a {
                try end(bulkBytesMax)
            } else if kind == UInt8(ascii: "*") || kind == UInt8(ascii: "$") {
                try read(byte, bulkBytesMax)
            }
        }
    }

    private mutating func begin(_ byte: UInt8) {
        inLine = true
        kind = byte
        number = 0
        isNegative = false
    }

    private mutating func read(_ byte: UInt8, _ bulkBytesMax: Int) throws(RedisError) {
        if byte == UInt8(ascii: "-") { isNegative = true }
        guard byte &- 0x30 < 10 else { return }
        number = number * 10 + Int(byte - 0x30)
        let limit = kind == UInt8(ascii: "*") ? Self.elementsMax : bulkBytesMax
        guard number <= limit else { throw .protocolViolation("a length of more than \(limit)") }
    }

    private mutating func end(_ bulkBytesMax: Int) throws(RedisError) {
        inLine = false
        if kind == UInt8(ascii: "$"), !isNegative { skip = number + 2 }
    }
}
