/// CRC-32 of IEEE 802.3 (reflected, polynomial 0xEDB88320), for the checksum in keys and the shard of an org.
package enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { byte in
        var value = UInt32(byte)
        for _ in 0..<8 { value = value & 1 == 1 ? 0xedb8_8320 ^ (value >> 1) : value >> 1 }
        return value
    }

    /// The checksum of all bytes; 0 of none. `checksum("123456789".utf8)` is 0xCBF43926.
    package static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var crc = ~UInt32(0)
        for byte in bytes { crc = table[Int((crc ^ UInt32(byte)) & 0xff)] ^ (crc >> 8) }
        return ~crc
    }
}
