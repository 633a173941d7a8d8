/// Writes the few MessagePack types (github.com/msgpack/msgpack, spec.md) that the limiter's functions take: inside
/// Redis they are far cheaper to parse than decimal numbers.
struct MessagePack {
    private(set) var bytes: [UInt8] = []

    /// - Precondition: at most 15 elements follow.
    mutating func array(_ count: UInt8) {
        precondition(count < 16, "a fixarray")
        bytes.append(0x90 | count)
    }

    /// Always encoded as int64.
    mutating func integer(_ value: Int64) {
        bytes.append(0xd3)
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// - Precondition: at most 65,535 bytes of UTF-8.
    mutating func text(_ value: String) {
        let count = UInt16(value.utf8.count)
        bytes.append(0xda)
        withUnsafeBytes(of: count.bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: value.utf8)
    }
}
