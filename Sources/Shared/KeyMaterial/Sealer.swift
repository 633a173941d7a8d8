internal import Crypto
internal import FoundationEssentials
package import GatewayModel

/// Seals credentials with AES-256-GCM under a versioned secret. What is sealed opens only for the same `context`
/// (such as `credential‖id`) and the same purpose, so that swapping two rows or using the wrong key fails.
///
/// Text form: `version.base64(nonce ‖ ciphertext ‖ tag)`.
package struct Sealer: Sendable {
    /// What the key is used for; part of the key derivation (HKDF-SHA-256), so one secret file never serves two ends.
    package enum Purpose: String, Sendable {
        /// Credentials in PostgreSQL, under the KEK that the control plane alone holds.
        case credentialAtRest = "aihub/credential-at-rest"
        /// Credentials inside the snapshot, under the seal key that both planes hold.
        case credentialInSnapshot = "aihub/credential-in-snapshot"
    }

    package enum Flaw: Error { case malformed, unknownVersion(Int), wrongKeyOrContext }

    private let file: @Sendable () -> SecretFile
    private let refreshed: @Sendable () -> SecretFile
    private let purpose: Purpose

    package init(_ file: SecretFile, purpose: Purpose) {
        self.file = { file }
        refreshed = { file }
        self.purpose = purpose
    }

    /// Seals under the version that is in use at that moment.
    package init(_ live: LiveSecret, purpose: Purpose) {
        file = { live.file }
        refreshed = { (try? live.refresh()) ?? live.file }
        self.purpose = purpose
    }

    /// The version that this was sealed under.
    package static func version(of sealed: String) -> Int? { sealed.split(separator: ".").first.flatMap { Int($0) } }

    package func seal(_ secret: Secret, context: String) throws -> String {
        let version = file().current
        let box = try AES.GCM.seal(
            Array(secret.reveal().utf8), using: key(of: version), authenticating: Array(context.utf8))
        guard let combined = box.combined else { throw Flaw.malformed }
        return "\(version.number).\(combined.base64EncodedString())"
    }

    package func open(_ sealed: String, context: String) throws -> Secret {
        let parts = sealed.split(separator: ".", maxSplits: 1)
        guard parts.count == 2, let number = Int(parts[0]), let data = Data(base64Encoded: String(parts[1])) else {
            throw Flaw.malformed
        }
        // Another process may seal under a version a moment before this one looks at its file.
        guard let version = file().version(number) ?? refreshed().version(number) else {
            throw Flaw.unknownVersion(number)
        }
        guard let box = try? AES.GCM.SealedBox(combined: data),
            let plain = try? AES.GCM.open(box, using: key(of: version), authenticating: Array(context.utf8))
        else { throw Flaw.wrongKeyOrContext }
        return Secret(String(decoding: plain, as: UTF8.self))
    }

    private func key(of version: SecretFile.Version) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: version.bytes), info: Array(purpose.rawValue.utf8), outputByteCount: 32
        )
    }
}
