/// Whether a body arrives fast enough: at a rate within any stretch of time, not since its beginning, and whole within a deadline.
/// Otherwise a caller who sends much at once could keep silent for hours.
package struct BodyPace {
    package enum Verdict: Equatable {
        /// To be asked again after so many milliseconds.
        case inTime(nextLookMs: Int64)
        case tooSlow
        case tooLong
    }

    /// Looks within one window: it is judged to a tenth of its length.
    private static let looksPerWindow: Int64 = 10

    private struct Mark {
        var atMs: Int64
        var bytes: Int
    }

    private let windowMs: Int64
    private let bytesPerSecondMin: Int
    private let endMs: Int64
    /// What had arrived at earlier looks, oldest first: one that is a window old, and younger ones.
    private var marks: [Mark]

    /// - Parameters:
    ///   - windowMs: the stretch of time within which the rate is judged.
    ///   - totalMs: how long the body may take in all.
    package init(startMs: Int64, windowMs: Int64, totalMs: Int64, bytesPerSecondMin: Int) {
        self.windowMs = windowMs
        self.bytesPerSecondMin = bytesPerSecondMin
        endMs = startMs + totalMs
        marks = [Mark(atMs: startMs, bytes: 0)]
    }

    /// When to look first, in milliseconds from the start.
    package static func firstLookMs(windowMs: Int64, totalMs: Int64) -> Int64 {
        min(max(1, windowMs / looksPerWindow), totalMs)
    }

    /// - Parameter bytes: all that has arrived of the body.
    package mutating func look(bytes: Int, nowMs: Int64) -> Verdict {
        guard nowMs < endMs else { return .tooLong }
        let aWindowAgo = marks.lastIndex { nowMs - $0.atMs >= windowMs }
        if let aWindowAgo {
            let before = marks[aWindowAgo]
            let wanted = (nowMs - before.atMs) * Int64(bytesPerSecondMin) / 1000
            guard Int64(bytes - before.bytes) >= wanted else { return .tooSlow }
            marks.removeFirst(aWindowAgo)
        }
        marks.append(Mark(atMs: nowMs, bytes: bytes))
        return .inTime(nextLookMs: min(max(1, windowMs / Self.looksPerWindow), endMs - nowMs))
    }
}
