/// A limit that finds its own value: it rises by one while times stay under a target and falls by an eighth when one is over.
///
/// Additive increase and multiplicative decrease is what lets several parties that know nothing of each other share one server fairly
/// (Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance", 1989): here the event loops of
/// all workers, and one Redis. By Little's law the limit settles where limit ÷ throughput = target.
package struct AdaptiveLimit: Sendable {
    private let range: ClosedRange<Int>
    private let targetMs: Int64
    /// The limit now, within its range.
    package private(set) var value: Int
    /// Good times since the limit last rose.
    private var good = 0
    private var fellAtMs = Int64.min / 2

    /// - Parameters:
    ///   - start: the first value, within `range`.
    ///   - targetMs: above this time the limit falls.
    package init(_ range: ClosedRange<Int>, start: Int, targetMs: Int64) {
        self.range = range
        self.targetMs = targetMs
        value = min(max(start, range.lowerBound), range.upperBound)
    }

    /// Notes how long one took. `isUsed`: all of the limit was in use; while it is not, a short time says nothing for more.
    package mutating func note(tookMs: Int64, isUsed: Bool, atMs now: Int64) {
        if tookMs > targetMs {
            // What was under way together is late together, and counts once.
            guard now - fellAtMs > targetMs else { return }
            fellAtMs = now
            good = 0
            value = max(range.lowerBound, value - max(1, value / 8))
        } else if isUsed {
            good += 1
            guard good >= value else { return }
            good = 0
            value = min(range.upperBound, value + 1)
        }
    }
}
