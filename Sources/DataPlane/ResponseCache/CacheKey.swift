/// An answer's key in the cache: 32 bytes that reveal nothing about the request without the secret.
package struct CacheKey: Hashable, Sendable {
    package static let length = 32

    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The key in the cache Redis. The number is the format version of the value.
    package var redisName: String {
        var name = "answer\(CachedResponse.format):"
        for byte in bytes {
            name.unicodeScalars.append(Self.digit(byte >> 4))
            name.unicodeScalars.append(Self.digit(byte & 15))
        }
        return name
    }

    private static func digit(_ value: UInt8) -> UnicodeScalar {
        UnicodeScalar(value < 10 ? 0x30 + value : 0x57 + value)
    }
}
