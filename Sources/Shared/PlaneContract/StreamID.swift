/// The id of an entry of a Redis stream, `milliseconds-sequence`, in its order (redis.io, "Streams: entry IDs").
package struct StreamID: Hashable, Comparable, Sendable {
    package let milliseconds: UInt64
    package let sequence: UInt64

    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let milliseconds = UInt64(parts[0]), let sequence = UInt64(parts[1]) else { return nil }
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    package static func < (a: Self, b: Self) -> Bool {
        (a.milliseconds, a.sequence) < (b.milliseconds, b.sequence)
    }
}
