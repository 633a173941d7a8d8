internal import CLinux
internal import Glibc

/// An IP address in network order, 4 or 16 bytes. IPv4-mapped IPv6 addresses are stored as their 4 bytes.
package struct PeerAddress: Hashable, Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) {
        let isMapped =
            bytes.count == 16 && bytes[0..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
        self.bytes = isMapped ? Array(bytes[12...]) : bytes
    }

    /// Parses the text form; `nil` if it is not an IP address.
    package init?(_ text: String) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self.init(bytes: withUnsafeBytes(of: four) { Array($0) })
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            self.init(bytes: withUnsafeBytes(of: six) { Array($0) })
        } else {
            return nil
        }
    }

    init(_ storage: sockaddr_storage) {
        switch Int32(storage.ss_family) {
        case AF_INET: self.init(bytes: withUnsafeBytes(of: storage) { Array($0[4..<8]) })
        case AF_INET6: self.init(bytes: withUnsafeBytes(of: storage) { Array($0[8..<24]) })
        default: self.init(bytes: [])
        }
    }

    /// The block that one party controls: an IPv4 address, or the /64 of an IPv6 address (RFC 6177: no site gets less).
    package var network: PeerAddress {
        bytes.count == 16 ? PeerAddress(bytes: bytes[..<8] + [UInt8](repeating: 0, count: 8)) : self
    }

    package var description: String {
        guard bytes.count == 4 || bytes.count == 16 else { return "local" }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// An address range in CIDR notation.
package struct AddressRange: Hashable, Sendable {
    private let base: PeerAddress
    private let bits: Int

    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1)
        guard let first = parts.first, let base = PeerAddress(String(first)) else { return nil }
        self.base = base
        guard parts.count == 2 else {
            bits = base.bytes.count * 8
            return
        }
        guard let bits = Int(parts[1]), (0...base.bytes.count * 8).contains(bits) else { return nil }
        self.bits = bits
    }

    /// Whether the range is a single address: /32, or /128 for IPv6.
    package var isOneAddress: Bool { bits == base.bytes.count * 8 }

    /// Whether the address is in the range; never for an address of the other family.
    package func contains(_ address: PeerAddress) -> Bool {
        guard address.bytes.count == base.bytes.count else { return false }
        let whole = bits / 8
        guard address.bytes[..<whole] == base.bytes[..<whole] else { return false }
        guard bits % 8 > 0 else { return true }
        let mask = UInt8(truncatingIfNeeded: 0xff00 >> (bits % 8))
        return address.bytes[whole] & mask == base.bytes[whole] & mask
    }
}
