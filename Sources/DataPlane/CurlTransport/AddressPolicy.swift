internal import Glibc
package import Reactor

/// Where a connection to a provider may go, judged by the address it really connects to: a name that resolves inward
/// (DNS rebinding) gets no further than one that was written inward.
///
/// Public addresses are allowed. Loopback, private and other special networks only where the provider's configuration
/// names them; an IPv4 address that stands in an IPv6 one counts as both. Where cloud metadata services live: never. Without TLS
/// only the networks named, so that nothing that was mistyped goes over the internet in clear.
package struct AddressPolicy: Sendable {
    private let allowed: [AddressRange]
    private let isEncrypted: Bool

    /// - Parameter url: where requests go; what is not `https` is plain.
    package init(allowedNetworks: [String], url: String) {
        allowed = allowedNetworks.compactMap(AddressRange.init)
        isEncrypted = url.lowercased().hasPrefix("https://")
    }

    package func permits(_ address: PeerAddress) -> Bool {
        guard isEncrypted || allowed.contains(where: { $0.contains(address) }) else { return false }
        return permitsItself(address) && address.embedded.allSatisfy(permitsItself)
    }

    private func permitsItself(_ address: PeerAddress) -> Bool {
        guard !address.bytes.isEmpty, !Self.never.contains(where: { $0.contains(address) }) else { return false }
        if Self.unlessNamed.contains(where: { $0.contains(address) }) {
            return allowed.contains { $0.isOneAddress && $0.contains(address) }
        }
        return !Self.special.contains { $0.contains(address) } || allowed.contains { $0.contains(address) }
    }

    /// Azure's, which is a public address, and Google's: opened by their own address alone, not by a network they stand in.
    private static let unlessNamed = ["168.63.129.16/32", "fd20:ce::254/128"].compactMap(AddressRange.init)
    /// The metadata services of Alibaba and Oracle stand in networks that may be opened.
    private static let never = [
        "169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "0.0.0.0/8", "224.0.0.0/3", "100.100.100.200/32",
        "192.0.0.192/32",
    ].compactMap(AddressRange.init)
    private static let special = [
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24",
        "198.18.0.0/15", "::1/128", "fc00::/7", "::/128", "64:ff9b:1::/48", "fec0::/10",
    ].compactMap(AddressRange.init)

    func permits(_ address: UnsafePointer<sockaddr>) -> Bool {
        let raw = UnsafeRawPointer(address)
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            return permits(PeerAddress(bytes: Array(UnsafeRawBufferPointer(start: raw + 4, count: 4))))
        case AF_INET6:
            return permits(PeerAddress(bytes: Array(UnsafeRawBufferPointer(start: raw + 8, count: 16))))
        default: return false
        }
    }
}
