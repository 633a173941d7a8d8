package import GatewayModel

/// A credential of the admin API: `sk-hub-admin-`, then 43 base62 characters (256 random bits) and 6 of CRC-32 over all
/// before, as in `HubKey`.
///
/// It is never a valid `HubKey`, and no `HubKey` is one of these, since their lengths differ.
package struct AdminKey: Sendable {
    package static let prefix = HubKey.prefix + HubKey.adminWord
    static let length = prefix.utf8.count + 43 + 6

    package let secret: Secret

    /// Checks format and checksum, not whether the key exists. `nil` for any other text, which then costs no look-up.
    package init?(parsing text: String) {
        guard text.hasPrefix(Self.prefix), text.utf8.count == Self.length,
            text.utf8.dropFirst(Self.prefix.utf8.count).allSatisfy(Base62.contains),
            text.hasSuffix(HubKey.checksum(of: text.utf8.dropLast(6)))
        else { return nil }
        secret = Secret(text)
    }

    /// Makes a key from 256 random bits.
    package init(random: (UInt64, UInt64, UInt64, UInt64)) {
        let body = Self.prefix + Base62.encode([random.0, random.1, random.2, random.3], width: 43)
        secret = Secret(body + HubKey.checksum(of: body.utf8))
    }

    /// The characters that may be shown: enough to recognise the key, useless to an attacker.
    package var display: String {
        let text = secret.reveal()
        return text.prefix(Self.prefix.count + 4) + "…" + text.suffix(4)
    }
}
