/// Parses the PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt §2).
///
/// A load balancer sends this header at the start of a connection to name the client.
package enum ProxyHeader {
    /// The most bytes of a header. Version 1 has at most 107; version 2 may carry extensions, which are skipped.
    package static let bytesMax = 2 << 10

    private static let signature: [UInt8] = [
        0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
    ]

    /// - Returns: the client's address, `.none` if the header names no client, and the bytes the header occupies; `nil`
    ///   if more bytes are needed.
    package static func parse(_ bytes: UnsafeRawBufferPointer) throws(HTTPParseError) -> (address: Address, count: Int)?
    {
        guard let first = bytes.first else { return nil }
        return first == 0x0d ? try second(bytes) : try text(bytes)
    }

    package enum Address: Equatable, Sendable {
        case none
        case text(String, isIPv6: Bool)
        case bytes([UInt8])
    }

    /// Version 1: `PROXY TCP4 <source> <destination> <port> <port>` CRLF.
    private static func text(_ bytes: UnsafeRawBufferPointer) throws(HTTPParseError) -> (address: Address, count: Int)?
    {
        let limit = min(bytes.count, 107)
        guard let newline = bytes[..<limit].firstIndex(of: 0x0a) else {
            try HTTPParseError.malformed(unless: bytes.count < 107, "the PROXY header is malformed")
            return nil
        }
        let isLine = newline > 0 && bytes[newline - 1] == 0x0d
        try HTTPParseError.malformed(unless: isLine, "the PROXY header is malformed")
        let line = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[..<(newline - 1)]), as: UTF8.self)
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        if words.count >= 2, words[0] == "PROXY", words[1] == "UNKNOWN" { return (.none, newline + 1) }
        let isKnown = words.count == 6 && words[0] == "PROXY" && (words[1] == "TCP4" || words[1] == "TCP6")
        try HTTPParseError.malformed(unless: isKnown, "the PROXY header is malformed")
        return (.text(String(words[2]), isIPv6: words[1] == "TCP6"), newline + 1)
    }

    private static func second(_ bytes: UnsafeRawBufferPointer) throws(HTTPParseError) -> (
        address: Address, count: Int
    )? {
        let isSigned = bytes.prefix(12).elementsEqual(signature.prefix(bytes.count))
        try HTTPParseError.malformed(unless: isSigned, "the PROXY header is malformed")
        guard bytes.count >= 16 else { return nil }
        let length = Int(bytes[14]) << 8 | Int(bytes[15])
        let isSane = bytes[12] >> 4 == 2 && 16 + length <= bytesMax
        try HTTPParseError.malformed(unless: isSane, "the PROXY header is malformed")
        guard bytes.count >= 16 + length else { return nil }
        // A LOCAL command is the proxy's own health check.
        guard bytes[12] & 15 == 1 else { return (.none, 16 + length) }
        switch (bytes[13] >> 4, length) {
        case (1, 12...): return (.bytes(Array(bytes[16..<20])), 16 + length)
        case (2, 36...): return (.bytes(Array(bytes[16..<32])), 16 + length)
        default: return (.none, 16 + length)
        }
    }
}
