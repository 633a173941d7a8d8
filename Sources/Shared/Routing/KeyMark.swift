/// Which key an attempt was made for, as far as health must tell keys apart: a hash of the key's id (FNV-1a, 64 bits).
///
/// Two keys of one hash count as one key, which can only make a breaker more patient.
package struct KeyMark: Hashable, Sendable {
    private let value: UInt64

    package init(_ keyID: String) {
        value = keyID.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
