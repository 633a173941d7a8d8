/// A limit that finds its own value: it rises by one while times stay near the least there was and falls by an eighth when one is not.
///
/// Additive increase and multiplicative decrease is what lets several parties that know nothing of each other share one server fairly
/// (Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance", 1989): here the event loops of
/// all workers, and one Redis. The least time is the way there and back; what comes on top is waiting in line, and a short line keeps the
/// server as busy as a long one (Brakmo and Peterson, "TCP Vegas", 1995). By Little's law the limit settles where
/// limit ÷ throughput = least time + spare time.
package struct AdaptiveLimit: Sendable {
    private let range: ClosedRange<Int>
    private let spareUs: Int64
    private let mostUs: Int64
    /// The limit now, within its range.
    package private(set) var value: Int
    private var leastUs = Int64.max
    /// Good times since the limit last rose.
    private var good = 0
    private var fellAtMs = Int64.min / 2

    /// - Parameters:
    ///   - start: the first value, within `range`.
    ///   - spareUs: how much above the least there was a time may be, in microseconds, before the limit falls.
    ///   - mostUs: above this it falls in any case.
    package init(_ range: ClosedRange<Int>, start: Int, spareUs: Int64, mostUs: Int64) {
        self.range = range
        self.spareUs = spareUs
        self.mostUs = mostUs
        value = min(max(start, range.lowerBound), range.upperBound)
    }

    /// The server is another one, or reached by another way.
    package mutating func forgetLeast() { leastUs = .max }

    /// Notes how long one took, in microseconds. `isUsed`: all of the limit was in use; while it is not, a short time says nothing for
    /// more.
    package mutating func note(tookUs: Int64, isUsed: Bool, atMs now: Int64) {
        leastUs = min(leastUs, tookUs)
        if tookUs > min(leastUs + spareUs, mostUs) {
            // What was under way together is late together, and counts once.
            guard now - fellAtMs > tookUs / 1_000 else { return }
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
