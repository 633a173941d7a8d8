/// Judges whether an event loop still turns, by checking it at every tick.
///
/// Counts ticks instead of time: while the whole process is stopped (SIGSTOP, a paused machine) there are no ticks, so
/// a loop that resumes with the process has not stalled.
package struct StallDetector: Sendable {
    package enum Verdict: Equatable, Sendable {
        case turning
        /// The loop has begun no turn for this many ticks, which is not long enough to call it stalled.
        case still(ticks: Int)
        /// No turn for at least `stalledTicks`: whatever depends on the loop waits in vain.
        case stalled
        /// Still no turn `graceTicks` later: the loop will not recover.
        case unrecoverable
    }

    private let stalledTicks: Int
    private let graceTicks: Int
    private var turns: UInt64?
    private var ticks = 0

    package init(stalledTicks: Int, graceTicks: Int) {
        self.stalledTicks = stalledTicks
        self.graceTicks = graceTicks
    }

    /// - Parameter turns: the number of turns the loop has begun.
    package mutating func tick(turns: UInt64) -> Verdict {
        guard self.turns == turns else {
            self.turns = turns
            ticks = 0
            return .turning
        }
        ticks += 1
        if ticks >= stalledTicks + graceTicks { return .unrecoverable }
        return ticks >= stalledTicks ? .stalled : .still(ticks: ticks)
    }
}
