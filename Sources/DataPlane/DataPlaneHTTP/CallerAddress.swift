internal import Reactor

/// Whose address a request counts for.
enum CallerAddress {
    /// Addresses of `X-Forwarded-For` that are looked at: more proxies in a row are none of ours.
    private static let hopsMax = 16

    /// Each proxy appends the address it was called from (RFC 7239 §5.2 says the same of `Forwarded`), so the list is read from its end:
    /// as long as a trusted proxy speaks, the one before it is believed. What stands further left anybody may have written.
    static func of(peer: PeerAddress, forwardedFor: String?, isTrusted: (PeerAddress) -> Bool) -> PeerAddress {
        guard let forwardedFor, isTrusted(peer) else { return peer }
        var known = peer
        for part in forwardedFor.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            .suffix(hopsMax).reversed()
        {
            guard let address = address(in: Substring(part)) else { return known }
            known = address
            guard isTrusted(address) else { return known }
        }
        return known
    }

    /// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`.
    private static func address(in part: Substring) -> PeerAddress? {
        var text = part.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        guard text.utf8.count <= 64 else { return nil }
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            return PeerAddress(String(text[text.index(after: text.startIndex)..<end]))
        }
        if let colon = text.firstIndex(of: ":"), text.lastIndex(of: ":") == colon { text = text[..<colon] }
        return PeerAddress(String(text))
    }
}
