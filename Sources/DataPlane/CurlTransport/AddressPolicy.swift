internal import CCurl
internal import Glibc

/// Where a connection to a provider may go, judged by the address it really connects to: a name that resolves inward
/// (DNS rebinding) gets no further than one that was written inward.
///
/// Public addresses are allowed. Loopback, private and other special networks only where the provider's configuration
/// names them; an IPv4 address mapped into IPv6 counts as IPv4. Link-local addresses, where cloud metadata services live, never.
package struct AddressPolicy: Sendable {
    private let allowed: [Network]

    package init(allowedNetworks: [String]) { allowed = allowedNetworks.compactMap(Network.init) }

    func permits(_ address: UnsafePointer<sockaddr>) -> Bool {
        Self.bytes(of: address).map { permits($0) } ?? false
    }

    /// - Parameter raw: 4 or 16 bytes in network order.
    package func permits(_ raw: [UInt8]) -> Bool {
        let isMapped = raw.count == 16 && raw[0..<10].allSatisfy { $0 == 0 } && raw[10] == 0xff && raw[11] == 0xff
        let bytes = isMapped ? Array(raw[12...]) : raw
        guard !Self.never.contains(where: { $0.contains(bytes) }) else { return false }
        return !Self.special.contains { $0.contains(bytes) } || allowed.contains { $0.contains(bytes) }
    }

    private static let never = ["169.254.0.0/16", "fe80::/10", "0.0.0.0/8", "224.0.0.0/3"].compactMap(Network.init)
    private static let special = [
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24",
        "198.18.0.0/15",
        "::1/128", "fc00::/7", "::/128",
    ].compactMap(Network.init)

    /// 4 or 16 bytes in network order.
    private static func bytes(of address: UnsafePointer<sockaddr>) -> [UInt8]? {
        let raw = UnsafeRawPointer(address)
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            return withUnsafeBytes(of: raw.loadUnaligned(as: sockaddr_in.self).sin_addr) { Array($0) }
        case AF_INET6:
            return withUnsafeBytes(of: raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr) { Array($0) }
        default: return nil
        }
    }
}

/// An address range in CIDR notation.
private struct Network: Sendable {
    let bytes: [UInt8]
    let bits: Int

    init?(_ text: String) {
        let parts = text.split(separator: "/")
        guard parts.count == 2, let bits = Int(parts[1]) else { return nil }
        var four = in_addr()
        var six = in6_addr()
        let host = String(parts[0])
        if inet_pton(AF_INET, host, &four) == 1 {
            bytes = withUnsafeBytes(of: four) { Array($0) }
        } else if inet_pton(AF_INET6, host, &six) == 1 {
            bytes = withUnsafeBytes(of: six) { Array($0) }
        } else {
            return nil
        }
        guard (0...bytes.count * 8).contains(bits) else { return nil }
        self.bits = bits
    }

    func contains(_ address: [UInt8]) -> Bool {
        guard address.count == bytes.count else { return false }
        let whole = bits / 8
        guard address[..<whole] == bytes[..<whole] else { return false }
        guard bits % 8 > 0 else { return true }
        let mask = UInt8(truncatingIfNeeded: 0xff00 >> (bits % 8))
        return address[whole] & mask == bytes[whole] & mask
    }
}
