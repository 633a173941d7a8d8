internal import Crypto
internal import FoundationEssentials
internal import GatewayModel

/// Computes the digests under which keys are stored.
///
/// HMAC-SHA-256 with a pepper that is in neither PostgreSQL nor Redis.
package struct KeyDigester: Sendable {
    /// The most peppers a file may hold: an unknown key costs one look-up per pepper.
    package static let peppersMax = 2

    private let peppers: [(name: String, key: SymmetricKey)]

    /// - Parameter file: at most `peppersMax` versions; the last one is in use.
    package init(peppers file: SecretFile) {
        peppers = file.versions.reversed().map { ($0.name, SymmetricKey(data: $0.bytes)) }
    }

    /// The name of the pepper in use.
    package var current: String { peppers[0].name }

    /// The digest under the pepper in use: 64 hexadecimal characters.
    package func digest(of key: HubKey) -> String { Self.digest(of: key.secret, under: peppers[0].key) }

    /// As for a `HubKey`. The two never have the same digest, since their texts differ.
    package func digest(of key: AdminKey) -> String { Self.digest(of: key.secret, under: peppers[0].key) }

    /// The digests under every pepper, the current one first: a key may be stored under an older one.
    package func digests(of key: HubKey) -> [String] { peppers.map { Self.digest(of: key.secret, under: $0.key) } }

    /// As for a `HubKey`.
    package func digests(of key: AdminKey) -> [String] { peppers.map { Self.digest(of: key.secret, under: $0.key) } }

    private static func digest(of secret: Secret, under pepper: SymmetricKey) -> String {
        let text = secret.reveal()
        let code = HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: pepper)
        return Hex.encode(code)
    }
}

/// SHA-256 in hexadecimal, used for the admin token and migration checksums.
package enum Fingerprint {
    /// The SHA-256 of the text's UTF-8, as 64 lower-case hexadecimal characters.
    package static func sha256(_ text: String) -> String { Hex.encode(SHA256.hash(data: Array(text.utf8))) }
}
