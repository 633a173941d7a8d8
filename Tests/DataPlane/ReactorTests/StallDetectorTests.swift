import Reactor
import Testing

@Suite struct StallDetectorTests {
    /// The verdicts of consecutive ticks that see these turn counts.
    private func verdicts(_ judge: inout StallDetector, _ turns: [UInt64]) -> [StallDetector.Verdict] {
        turns.map { judge.tick(turns: $0) }
    }

    @Test("a loop has stalled once it was still for so many ticks, and is given up a little later")
    func stalls() {
        var judge = StallDetector(stalledTicks: 3, graceTicks: 2)
        #expect(
            verdicts(&judge, [7, 7, 7, 7, 7, 7, 7]) == [
                .turning, .still(ticks: 1), .still(ticks: 2), .stalled, .stalled, .unrecoverable, .unrecoverable,
            ])
    }

    @Test("one turn is enough, however late, and counting begins anew")
    func recovers() {
        var judge = StallDetector(stalledTicks: 3, graceTicks: 2)
        #expect(
            verdicts(&judge, [1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3]) == [
                .turning, .still(ticks: 1), .still(ticks: 2), .stalled, .stalled, .turning, .still(ticks: 1),
                .still(ticks: 2),
                .turning, .still(ticks: 1), .still(ticks: 2),
            ])
    }

    @Test("while nobody ticks no time passes: a process that was stopped goes on where it was")
    func stopped() {
        var judge = StallDetector(stalledTicks: 2, graceTicks: 1)
        #expect(judge.tick(turns: 5) == .turning)
        // Stopped for an hour: so was the watchdog, and its next tick counts as one.
        #expect(judge.tick(turns: 5) == .still(ticks: 1))
        #expect(judge.tick(turns: 6) == .turning)
    }
}
