package import Redis

/// Up to when the state Redis has every published change, as each control plane records in Redis itself.
///
/// A Redis that restarted with a truncated log, or failed over to a replica that lagged, has a prefix of what was
/// written. If a mark is there, everything written before it is too, so only later changes have to be published again
/// instead of a million keys. A control plane that was cut off and continued with another Redis has an old mark here.
package struct PublishedWatermarks {
    /// Publishing resumes this long before a mark, in milliseconds: PostgreSQL's clock may be set back a little.
    private static let marginMs: Int64 = 60_000
    /// A mark this much older than the newest belongs to a control plane that has gone.
    private static let keptMs: Int64 = 3_600_000

    private let marks: [String: Int64]

    /// - Parameter fields: a reply to `HGETALL` of `RedisKeys.publishedUpTo`.
    package init(_ fields: RESPValue) {
        let words = (fields.array ?? []).map { $0.string ?? "" }
        var found: [String: Int64] = [:]
        for at in stride(from: 0, to: words.count - 1, by: 2) { found[words[at]] = Int64(words[at + 1]) }
        marks = found
    }

    /// The time from which changes must be published again, in milliseconds of PostgreSQL's clock.
    ///
    /// - Parameter owner: the control plane that asks; its own watermark counts, however old.
    /// - Returns: `nil` when there is no mark.
    package func republishFromMs(for owner: String) -> Int64? {
        let current = marks.values.filter { !isDeparted($0) }.min()
        return (marks[owner] ?? current).map { $0 - Self.marginMs }
    }

    /// The control planes that have not recorded a watermark for an hour.
    package var departed: [String] { marks.filter { isDeparted($0.value) }.map(\.key) }

    private func isDeparted(_ mark: Int64) -> Bool { mark < (marks.values.max() ?? 0) - Self.keptMs }
}
