/// Judges whether a body arrives fast enough: at a minimum rate in every window, and completely within a deadline.
///
/// A rate since the beginning would not do: a client that sends much at once could then stay silent for hours.
package struct BodyPace {
    package enum Verdict: Equatable {
        /// Check again after `nextCheckMs` milliseconds.
        case inTime(nextCheckMs: Int64)
        case tooSlow
        case tooLong
    }

    /// Checks per window: the rate is judged with a precision of a tenth of the window.
    private static let checksPerWindow: Int64 = 10

    private struct Mark {
        var atMs: Int64
        var bytes: Int
    }

    private let windowMs: Int64
    private let bytesPerSecondMin: Int
    private let endMs: Int64
    /// Byte counts at earlier checks, oldest first: one that is at least a window old, and younger ones.
    private var marks: [Mark]

    /// - Parameters:
    ///   - windowMs: the window in which the rate is judged.
    ///   - totalMs: how long the whole body may take.
    package init(startMs: Int64, windowMs: Int64, totalMs: Int64, bytesPerSecondMin: Int) {
        self.windowMs = windowMs
        self.bytesPerSecondMin = bytesPerSecondMin
        endMs = startMs + totalMs
        marks = [Mark(atMs: startMs, bytes: 0)]
    }

    /// When to check first, in milliseconds from the start.
    package static func firstCheckMs(windowMs: Int64, totalMs: Int64) -> Int64 {
        min(max(1, windowMs / checksPerWindow), totalMs)
    }

    /// - Parameter bytes: how much of the body has arrived in total.
    package mutating func check(bytes: Int, nowMs: Int64) -> Verdict {
        guard nowMs < endMs else { return .tooLong }
        let aWindowAgo = marks.lastIndex { nowMs - $0.atMs >= windowMs }
        if let aWindowAgo {
            let before = marks[aWindowAgo]
            let wanted = (nowMs - before.atMs) * Int64(bytesPerSecondMin) / 1000
            guard Int64(bytes - before.bytes) >= wanted else { return .tooSlow }
            marks.removeFirst(aWindowAgo)
        }
        marks.append(Mark(atMs: nowMs, bytes: bytes))
        return .inTime(nextCheckMs: min(max(1, windowMs / Self.checksPerWindow), endMs - nowMs))
    }
}
