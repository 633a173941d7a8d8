package import Reactor

extension PeerAddress {
    /// The IPv4 addresses embedded in an IPv6 address, to which a router on the way may forward the packet.
    ///
    /// IPv4-compatible (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056), and Teredo's server and client (RFC 4380).
    package var embedded: [PeerAddress] {
        guard bytes.count == 16 else { return [] }
        func four(at offset: Int, masked mask: UInt8 = 0) -> PeerAddress {
            PeerAddress(bytes: bytes[offset..<offset + 4].map { $0 ^ mask })
        }
        if bytes[..<12].allSatisfy({ $0 == 0 }), bytes[12...].contains(where: { $0 != 0 }),
            bytes[12...] != [0, 0, 0, 1]
        {
            return [four(at: 12)]
        }
        if bytes.starts(with: [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]) { return [four(at: 12)] }
        if bytes.starts(with: [0x20, 0x02]) { return [four(at: 2)] }
        if bytes.starts(with: [0x20, 0x01, 0, 0]) { return [four(at: 4), four(at: 12, masked: 0xff)] }
        return []
    }
}
