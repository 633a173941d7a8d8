/// Connections that were lost before anything was heard, by key. One is nobody's fault and costs nothing; a key whose requests
/// cause them again and again may be having its input worked on for free.
///
/// Belongs to one event loop.
package final class LostAnswers {
    /// Within this time.
    static let windowMs: Int64 = 3_600_000
    /// The first so many are free.
    static let freeMax = 2
    /// Keys remembered; beyond it the table starts over, which forgives each at most `freeMax` more.
    static let keysMax = 10_000

    private var lost: [String: [Int64]] = [:]

    package init() {}

    /// Counts one more; `true` when it is no longer free.
    func isTooMany(of keyID: String, at now: Int64) -> Bool {
        if lost.count >= Self.keysMax { lost.removeAll(keepingCapacity: true) }
        let recent = (lost[keyID] ?? []).filter { now - $0 < Self.windowMs }
        lost[keyID] = recent.suffix(Self.freeMax) + [now]
        return recent.count >= Self.freeMax
    }
}
