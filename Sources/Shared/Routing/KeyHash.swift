/// Identifies the key of an attempt in health data: a hash of the key's id (FNV-1a, 64 bits).
///
/// Two keys with the same hash count as one, which can only make a breaker more patient.
package struct KeyHash: Hashable, Sendable {
    private let value: UInt64

    package init(_ keyID: String) {
        value = keyID.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
