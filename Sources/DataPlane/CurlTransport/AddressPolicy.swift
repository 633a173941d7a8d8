internal import Glibc
package import Reactor

/// Which addresses a connection to a provider may use.
///
/// Judges the address that is really connected to, so that a name that resolves to an internal address (DNS rebinding)
/// is refused like that address itself.
///
/// Public addresses are allowed; loopback, private and other special networks only if the provider's configuration
/// names them. An IPv4 address embedded in an IPv6 one must pass as well. Addresses of cloud metadata services are
/// refused. Without TLS only the named networks are allowed, so that a mistyped URL sends nothing over the internet in
/// clear text.
package struct AddressPolicy: Sendable {
    private let allowed: [AddressRange]
    private let isEncrypted: Bool

    /// - Parameter url: the provider's URL; anything other than `https` counts as unencrypted.
    package init(allowedNetworks: [String], url: String) {
        allowed = allowedNetworks.compactMap(AddressRange.init)
        isEncrypted = url.lowercased().hasPrefix("https://")
    }

    /// Whether a connection to this address may be opened.
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

    /// Metadata services of Azure (a public address) and Google, allowed only if named as a single address.
    private static let unlessNamed = ["168.63.129.16/32", "fd20:ce::254/128"].compactMap(AddressRange.init)
    /// Never allowed. Single addresses are metadata services (AWS, Alibaba, Oracle) in networks that may be named.
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
