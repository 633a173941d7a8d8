internal import Crypto
internal import FoundationEssentials
package import GatewayModel

/// Seals credentials with AES-256-GCM under a versioned secret.
///
/// Sealed text opens only with the same `context` (such as `credential|id`) and purpose, so swapped rows or the wrong
/// key are detected.
///
/// Text form: `version.base64(nonce ‖ ciphertext ‖ tag)`.
package struct Sealer: Sendable {
    /// The use of the key, which is part of its derivation (HKDF-SHA-256), so that no key serves two purposes.
    package enum Purpose: String, Sendable {
        /// Credentials in PostgreSQL, under the KEK, which only the control plane holds.
        case credentialAtRest = "aihub/credential-at-rest"
        /// Credentials in the snapshot, under the seal key, which both planes hold.
        case credentialInSnapshot = "aihub/credential-in-snapshot"
    }

    package enum SealError: Error { case malformed, unknownVersion(Int), wrongKeyOrContext }

    private let file: @Sendable () -> SecretFile
    private let refreshed: @Sendable () -> SecretFile
    private let purpose: Purpose

    /// Seals under the file's current version and opens with any of its versions.
    package init(_ file: SecretFile, purpose: Purpose) {
        self.file = { file }
        refreshed = { file }
        self.purpose = purpose
    }

    /// Seals under the version that is current at the time of each call.
    package init(_ live: LiveSecret, purpose: Purpose) {
        file = { live.file }
        refreshed = { (try? live.refresh()) ?? live.file }
        self.purpose = purpose
    }

    /// The version under which the text was sealed.
    package static func version(of sealed: String) -> Int? { sealed.split(separator: ".").first.flatMap { Int($0) } }

    /// The text form of the secret, encrypted under the current version with a random nonce.
    ///
    /// - Parameter context: what the secret belongs to; authenticated, not stored.
    package func seal(_ secret: Secret, context: String) throws -> String {
        let version = file().current
        let box = try AES.GCM.seal(
            Array(secret.reveal().utf8), using: key(of: version), authenticating: Array(context.utf8))
        guard let combined = box.combined else { throw SealError.malformed }
        return "\(version.number).\(combined.base64EncodedString())"
    }

    /// Decrypts a text that `seal` made with the same context and purpose.
    ///
    /// - Throws: `SealError`: `malformed` for other text, `unknownVersion` when the file lacks its version even after a
    ///   reread, `wrongKeyOrContext` when authentication fails.
    package func open(_ sealed: String, context: String) throws -> Secret {
        let parts = sealed.split(separator: ".", maxSplits: 1)
        guard parts.count == 2, let number = Int(parts[0]), let data = Data(base64Encoded: String(parts[1])) else {
            throw SealError.malformed
        }
        // Another process may use a new version shortly before this one rereads its file.
        guard let version = file().version(number) ?? refreshed().version(number) else {
            throw SealError.unknownVersion(number)
        }
        guard let box = try? AES.GCM.SealedBox(combined: data),
            let plain = try? AES.GCM.open(box, using: key(of: version), authenticating: Array(context.utf8))
        else { throw SealError.wrongKeyOrContext }
        return Secret(String(decoding: plain, as: UTF8.self))
    }

    private func key(of version: SecretFile.Version) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: version.bytes), info: Array(purpose.rawValue.utf8), outputByteCount: 32
        )
    }
}
