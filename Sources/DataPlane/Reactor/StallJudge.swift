/// Judges whether an event loop still turns, by looking at it once a tick.
///
/// Ticks are counted, not time: while the whole process is stopped (SIGSTOP, a paused machine) nobody ticks, and a loop that goes
/// on with the process has not stalled.
package struct StallJudge: Sendable {
    package enum Verdict: Equatable, Sendable {
        case turning
        /// It has begun no turn for so many ticks, but not for long enough.
        case still(ticks: Int)
        /// Not since `stalledTicks` or more: whatever waits for it waits in vain.
        case stalled
        /// `graceTicks` later it still has not: it will not.
        case hopeless
    }

    private let stalledTicks: Int
    private let graceTicks: Int
    private var turns: UInt64?
    private var ticks = 0

    package init(stalledTicks: Int, graceTicks: Int) {
        self.stalledTicks = stalledTicks
        self.graceTicks = graceTicks
    }

    /// - Parameter turns: how many turns the loop has begun.
    package mutating func tick(turns: UInt64) -> Verdict {
        guard self.turns == turns else {
            self.turns = turns
            ticks = 0
            return .turning
        }
        ticks += 1
        if ticks >= stalledTicks + graceTicks { return .hopeless }
        return ticks >= stalledTicks ? .stalled : .still(ticks: ticks)
    }
}
