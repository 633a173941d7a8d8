internal import Crypto
internal import FoundationEssentials
package import GatewayModel

/// Derives cache keys, seals answers, and derives an org's prompt cache keys for vendors.
///
/// All secrets are derived (HKDF-SHA-256) from one that all workers hold, so they share cached answers, and neither
/// PostgreSQL nor any Redis can find or open one.
package struct CacheSecrets: Sendable {
    private let naming: SymmetricKey
    private let sealing: SymmetricKey
    private let vendorNaming: SymmetricKey

    /// - Parameter secret: 32 random bytes. With another secret, nothing stored before is found.
    package init(secret: [UInt8]) {
        func derived(_ purpose: String) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(
                inputKeyMaterial: SymmetricKey(data: secret), info: Array(purpose.utf8), outputByteCount: 32)
        }
        naming = derived("aihub/answer-cache/name")
        sealing = derived("aihub/answer-cache/seal")
        vendorNaming = derived("aihub/vendor-cache/name")
    }

    /// Bytes of a prompt cache key: 192 bits, 32 characters in base64url. OpenAI accepts 64 characters.
    private static let vendorNameBytes = 24

    /// The `prompt_cache_key` by which a vendor separates an org's prompts from those of all others, whatever clients
    /// send as theirs.
    ///
    /// - Parameter own: the client's `prompt_cache_key` as it is in the request; empty without one.
    package func promptCacheKey(org: String, own: [UInt8]) -> String {
        // A zero byte separates the parts: no org id contains one.
        let message = Array(org.utf8) + [0] + own
        let code = HMAC<SHA256>.authenticationCode(for: message, using: vendorNaming)
        return Data(code.prefix(Self.vendorNameBytes)).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_")
    }

    /// The cache key of one org's request: HMAC-SHA-256, under a secret of that org alone, over the endpoint, the body
    /// and the definition behind the model's name.
    ///
    /// - Parameters:
    ///   - body: the body's `CanonicalDigest`.
    ///   - definition: a digest of the alias or model and of the deployments behind it.
    package func key(org: String, _ operation: Operation, body: [UInt8], definition: [UInt8]) -> CacheKey {
        let orgSecret = SymmetricKey(
            data: HMAC<SHA256>.authenticationCode(for: Array(org.utf8), using: naming))
        var message = Array(operation.rawValue.utf8)
        message.append(0)
        message += body
        message += definition
        return CacheKey(Array(HMAC<SHA256>.authenticationCode(for: message, using: orgSecret)))
    }

    /// A digest of any text, for `definition`.
    package static func digest(_ text: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: text)) }

    private static let nonceBytes = 12
    private static let tagBytes = 16

    /// The answer as stored in the cache Redis: `nonce (12) · AES-256-GCM ciphertext · tag (16)`.
    ///
    /// The encryption key is derived from the cache key, which is also authenticated, so that write access to Redis
    /// allows neither forging an answer nor moving one to another key.
    package func seal(_ answer: CachedResponse, for key: CacheKey) -> [UInt8]? {
        let nonce = AES.GCM.Nonce()
        guard
            let box = try? AES.GCM.seal(
                answer.bytes, using: sealingKey(of: key), nonce: nonce, authenticating: key.bytes)
        else { return nil }
        var sealed = Array(nonce)
        sealed.reserveCapacity(Self.nonceBytes + box.ciphertext.count + Self.tagBytes)
        sealed += box.ciphertext
        sealed += box.tag
        return sealed
    }

    /// - Returns: `nil` for anything not sealed under this cache key, or not readable by this worker.
    package func open(_ sealed: [UInt8], for key: CacheKey) -> CachedResponse? {
        guard sealed.count > Self.nonceBytes + Self.tagBytes, sealed.count <= CachedResponse.sealedBytesMax,
            let nonce = try? AES.GCM.Nonce(data: sealed[..<Self.nonceBytes]),
            let box = try? AES.GCM.SealedBox(
                nonce: nonce, ciphertext: sealed[Self.nonceBytes..<(sealed.count - Self.tagBytes)],
                tag: sealed[(sealed.count - Self.tagBytes)...]),
            let plain = try? AES.GCM.open(box, using: sealingKey(of: key), authenticating: key.bytes)
        else { return nil }
        return CachedResponse(bytes: Array(plain))
    }

    /// One key per cache key, so that random nonces cannot collide however many answers are stored under one secret
    /// (NIST SP 800-38D §8.3).
    private func sealingKey(of key: CacheKey) -> SymmetricKey {
        SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: key.bytes, using: sealing))
    }
}
