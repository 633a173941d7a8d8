package import Redis

/// Up to when the state Redis has every change that was published, as each control plane leaves word in it.
///
/// What survives of a Redis is the beginning of what was written to it, whether it restarted with a torn log or handed over to a replica that
/// was behind. A mark that is there so says that everything written before it is there as well, and only what was published since has to
/// be pushed again: not a million keys. A control plane that was cut off and went on with another Redis has an old mark here.
package struct PushMarks {
    /// From this long before a mark on is pushed again, in milliseconds: PostgreSQL's clock may be set back a little.
    private static let marginMs: Int64 = 60_000
    /// Who left no word for longer than this before the newest has gone.
    private static let keptMs: Int64 = 3_600_000

    private let marks: [String: Int64]

    /// - Parameter fields: a reply to `HGETALL` of `RedisKeys.pushMarks`.
    package init(_ fields: RESPValue) {
        let words = (fields.array ?? []).map { $0.string ?? "" }
        var found: [String: Int64] = [:]
        for at in stride(from: 0, to: words.count - 1, by: 2) { found[words[at]] = Int64(words[at + 1]) }
        marks = found
    }

    /// From when on changes are to be pushed again, in milliseconds of PostgreSQL's clock; `nil` when no mark says so.
    package func since(for owner: String) -> Int64? {
        let current = marks.values.filter { !isOver($0) }.min()
        return (marks[owner] ?? current).map { $0 - Self.marginMs }
    }

    /// Those of control planes that have gone.
    package var over: [String] { marks.filter { isOver($0.value) }.map(\.key) }

    private func isOver(_ mark: Int64) -> Bool { mark < (marks.values.max() ?? 0) - Self.keptMs }
}
