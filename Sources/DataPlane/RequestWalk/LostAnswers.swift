/// Counts, per key, connections that were lost before any response. One may happen to anyone and costs nothing; a key
/// whose requests cause them repeatedly may be getting its input processed for free.
///
/// Confined to one event loop.
package final class LostAnswers {
    /// The window in which losses are counted.
    static let windowMs: Int64 = 3_600_000
    /// How many losses within the window are free.
    static let freeMax = 2
    /// Keys remembered. Beyond it the table is cleared, which gives each key at most `freeMax` more free losses.
    static let keysMax = 10_000

    private var lost: [String: [Int64]] = [:]

    package init() {}

    /// Counts one more loss; `true` when it is no longer free.
    func isTooMany(of keyID: String, at now: Int64) -> Bool {
        if lost.count >= Self.keysMax { lost.removeAll(keepingCapacity: true) }
        let recent = (lost[keyID] ?? []).filter { now - $0 < Self.windowMs }
        lost[keyID] = recent.suffix(Self.freeMax) + [now]
        return recent.count >= Self.freeMax
    }
}
