public import Foundation

// Replaces swift-crypto where the parsers are fuzzed, and in `make fast`: the same API, so that its callers compile and run, but not
// secure. Equal inputs give equal outputs, and different ones usually different outputs.

public struct SHA256: Sendable {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    public init() {}

    public mutating func update(bufferPointer: UnsafeRawBufferPointer) {
        for byte in bufferPointer { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }

    public func finalize() -> [UInt8] {
        (0..<32).map { UInt8(truncatingIfNeeded: (state &* UInt64(2 * $0 + 1)) >> 40) }
    }

    public static func hash(data: some Sequence<UInt8>) -> [UInt8] {
        var hash = SHA256()
        Array(data).withUnsafeBytes { hash.update(bufferPointer: $0) }
        return hash.finalize()
    }
}

public struct SymmetricKey: Sendable {
    let bytes: [UInt8]

    public init(data: some Sequence<UInt8>) { bytes = Array(data) }
}

public enum HMAC<Hash> {
    public static func authenticationCode(for data: some Sequence<UInt8>, using key: SymmetricKey) -> [UInt8] {
        SHA256.hash(data: key.bytes + [0] + Array(data))
    }
}

public enum HKDF<Hash> {
    public static func deriveKey(
        inputKeyMaterial: SymmetricKey, info: some Sequence<UInt8>, outputByteCount: Int
    ) -> SymmetricKey {
        SymmetricKey(data: SHA256.hash(data: inputKeyMaterial.bytes + Array(info)))
    }
}

public enum AES {
    public enum GCM {
        public struct Flaw: Error {}

        public struct Nonce: Sequence, Sendable {
            let bytes: [UInt8]

            public init() { bytes = [UInt8](repeating: 0, count: 12) }
            public init(data: some Sequence<UInt8>) throws { bytes = Array(data) }
            public func makeIterator() -> [UInt8].Iterator { bytes.makeIterator() }
        }

        public struct SealedBox {
            public let ciphertext: [UInt8]
            public let tag: [UInt8]

            public init(nonce: Nonce, ciphertext: some Sequence<UInt8>, tag: some Sequence<UInt8>) throws {
                self.ciphertext = Array(ciphertext)
                self.tag = Array(tag)
            }

            /// Nonce, content and tag in a row, as they are stored.
            public var combined: Data? { Data(Nonce()) + Data(ciphertext) + Data(tag) }

            public init(combined: some Collection<UInt8>) throws {
                guard combined.count >= 28 else { throw Flaw() }
                ciphertext = Array(combined.dropFirst(12).dropLast(16))
                tag = Array(combined.suffix(16))
            }
        }

        public static func seal(
            _ plain: [UInt8], using key: SymmetricKey, nonce: Nonce = Nonce(), authenticating: [UInt8]
        ) throws -> SealedBox {
            try SealedBox(nonce: nonce, ciphertext: plain, tag: [UInt8](repeating: 0, count: 16))
        }

        /// Opens everything, so that any content gets parsed.
        public static func open(
            _ box: SealedBox, using key: SymmetricKey, authenticating: [UInt8]
        ) throws -> [UInt8] { box.ciphertext }
    }
}
