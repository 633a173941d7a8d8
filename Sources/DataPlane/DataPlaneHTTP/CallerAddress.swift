internal import Reactor

/// Finds the client address that a request is counted for.
enum CallerAddress {
    /// The number of `X-Forwarded-For` entries that are read; a longer chain of own proxies is not expected.
    private static let hopsMax = 16

    /// The address of the client behind the trusted proxies.
    ///
    /// Each proxy appends the address it was called from (RFC 7239 §5.2 says the same of `Forwarded`), so the list is
    /// read from its end: an entry is believed as long as the hop that added it is trusted. Entries further left may be
    /// forged.
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

    /// Accepts `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`.
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
