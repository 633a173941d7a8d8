/// The name of one answer in the cache: 32 bytes that say nothing about the request to whoever lacks the secret.
package struct CacheKey: Hashable, Sendable {
    package static let length = 32

    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Under which it stands in the cache Redis. The number is that of the format of what stands there.
    package var redisName: String {
        var name = "answer\(CachedAnswer.format):"
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
