/// A concurrency limit that adapts: it rises by one while latencies stay near the minimum, and falls by an eighth when
/// one does not.
///
/// Additive increase and multiplicative decrease lets parties that know nothing of each other share one server fairly
/// (Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance", 1989): here the event
/// loops of all workers and one Redis. The minimum latency is the round trip; anything above it is queueing, and a
/// short queue keeps the server as busy as a long one (Brakmo and Peterson, "TCP Vegas", 1995). By Little's law the
/// limit settles where limit ÷ throughput = minimum latency + spare time.
package struct AdaptiveLimit: Sendable {
    private let range: ClosedRange<Int>
    private let spareUs: Int64
    private let latencyUsMax: Int64
    /// The current limit, within `range`.
    package private(set) var value: Int
    private var minimumUs = Int64.max
    /// Short latencies since the limit last changed.
    private var good = 0
    private var fellAtMs = Int64.min / 2

    /// - Parameters:
    ///   - start: the initial limit, clamped to `range`.
    ///   - spareUs: how far above the minimum a latency may be, in microseconds, before the limit falls.
    ///   - latencyUsMax: a latency above which the limit falls in any case, in microseconds.
    package init(_ range: ClosedRange<Int>, start: Int, spareUs: Int64, latencyUsMax: Int64) {
        self.range = range
        self.spareUs = spareUs
        self.latencyUsMax = latencyUsMax
        value = min(max(start, range.lowerBound), range.upperBound)
    }

    /// Forgets the minimum latency: the server may be another one, or reached over another path.
    package mutating func forgetMinimum() { minimumUs = .max }

    /// Records one latency, in microseconds. `isSaturated`: the whole limit was in use; while it is not, a short
    /// latency is no reason to raise it.
    package mutating func record(latencyUs: Int64, isSaturated: Bool, atMs now: Int64) {
        minimumUs = min(minimumUs, latencyUs)
        if latencyUs > min(minimumUs + spareUs, latencyUsMax) {
            // Calls in flight together are late together, and count once.
            guard now - fellAtMs > latencyUs / 1_000 else { return }
            fellAtMs = now
            good = 0
            value = max(range.lowerBound, value - max(1, value / 8))
        } else if isSaturated {
            good += 1
            guard good >= value else { return }
            good = 0
            value = min(range.upperBound, value + 1)
        }
    }
}
