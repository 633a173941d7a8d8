internal import Crypto
internal import FoundationEssentials
internal import GatewayModel

/// Turns keys into the digests they are stored under: HMAC-SHA-256 with a pepper that neither PostgreSQL nor Redis holds.
package struct KeyDigester: Sendable {
    private let peppers: [(number: Int, key: SymmetricKey)]

    package init(peppers file: SecretFile) {
        peppers = file.versions.reversed().map { ($0.number, SymmetricKey(data: $0.bytes)) }
    }

    /// The digest under the newest pepper: 64 hexadecimal characters.
    package func digest(of key: HubKey) -> String { Self.digest(of: key, under: peppers[0].key) }

    /// The digests under every pepper, newest first: while peppers overlap, a key may be stored under an older one.
    package func digests(of key: HubKey) -> [String] { peppers.map { Self.digest(of: key, under: $0.key) } }

    private static func digest(of key: HubKey, under pepper: SymmetricKey) -> String {
        let text = key.secret.reveal()
        let code = HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: pepper)
        return Hex.encode(code)
    }
}

/// SHA-256 as hexadecimal text: how the admin token and migration checksums are stored.
package enum Fingerprint {
    package static func sha256(_ text: String) -> String { Hex.encode(SHA256.hash(data: Array(text.utf8))) }
}

enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(64)
        for byte in bytes {
            out.append(digits[Int(byte >> 4)])
            out.append(digits[Int(byte & 15)])
        }
        return String(decoding: out, as: UTF8.self)
    }
}
