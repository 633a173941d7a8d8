internal import GatewayModel

/// One of the 64 slices of the state Redis.
///
/// All keys of an org share one hash tag, so every script touches a single slot of a Redis cluster.
package struct Shard: Hashable, Sendable {
    package static let count = 64
    package static let all = (0..<count).map { Shard(index: $0) }

    package let index: Int

    private init(index: Int) { self.index = index }

    /// CRC-32 of the org's id modulo 64; it must never change within an installation.
    package init(orgID: String) {
        index = Int(CRC32.checksum(orgID.utf8) % UInt32(Self.count))
    }

    /// The hash tag, braces included.
    ///
    /// The suffixes spread the tags evenly: shard `i` hashes (CRC-16) to a slot between `256 i` and `256 i + 255`.
    /// Plain numbers would give one of five masters twice its share.
    package var tag: String { Self.braced[index] }

    private static let braced = tags.map { "{" + $0 + "}" }

    private static let tags = [
        "s00.31", "s01.18", "s02.60", "s03.49", "s04.9", "s05.43", "s06.102", "s07.12",
        "s08.79", "s09.50", "s10.33", "s11.153", "s12.120", "s13.72", "s14.68", "s15.41",
        "s16.78", "s17.51", "s18.158", "s19.53", "s20", "s21.19", "s22.61", "s23.48",
        "s24.2", "s25.163", "s26.43", "s27.141", "s28.9", "s29.51", "s30.32", "s31.101",
        "s32.20", "s33.160", "s34.13", "s35.133", "s36.140", "s37.52", "s38", "s39.50",
        "s40.131", "s41.12", "s42.113", "s43.43", "s44.60", "s45.49", "s46.31", "s47.18",
        "s48.72", "s49.363", "s50.38", "s51.11", "s52.50", "s53.79", "s54.63", "s55.143",
        "s56.72", "s57.121", "s58.70", "s59.1", "s60.163", "s61.13", "s62.141", "s63.42",
    ]
}
