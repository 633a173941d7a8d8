internal import GatewayModel

/// An answer's key in the cache: 32 bytes that reveal nothing about the request without the secret.
package struct CacheKey: Hashable, Sendable {
    package static let length = 32

    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The key in the cache Redis. The number is the format version of the value.
    package var redisName: String { "answer\(CachedResponse.format):" + Hex.encode(bytes) }
}
