internal import Crypto
internal import FoundationEssentials
internal import GatewayModel

/// The keys that seal the audit log: HMAC-SHA-256 under a versioned secret that is not in PostgreSQL.
package struct AuditKeys: Sendable {
    /// One version of the secret.
    package struct Key: Sendable {
        /// Version and fingerprint, which tells apart two files that both have a version 1.
        package let name: String
        private let key: SymmetricKey

        fileprivate init(_ version: SecretFile.Version) {
            key = SymmetricKey(data: version.bytes)
            let fingerprint = HMAC<SHA256>.authenticationCode(for: Array("aihub/audit-key".utf8), using: key)
            name = "\(version.number).\(Hex.encode(fingerprint.prefix(8)))"
        }

        /// 64 hexadecimal characters.
        package func seal(_ text: String) -> String {
            Hex.encode(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
        }
    }

    private let keys: [Key]

    /// - Parameter file: 32-byte secrets; the version in the last line is the newest.
    package init(_ file: SecretFile) { keys = file.versions.map(Key.init) }

    package var newest: Key { keys[keys.count - 1] }
    /// The key under which a row was sealed; `nil` when the file no longer holds that version.
    package func key(named name: String) -> Key? { keys.first { $0.name == name } }
}
