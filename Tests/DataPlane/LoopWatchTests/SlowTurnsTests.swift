import LoopWatch
import Operations
import Reactor
import TestPeers
import Testing

@Suite struct SlowTurnsTests {
    @Test("every long turn is counted by its stage, and of many at once one is logged")
    func counts() {
        let metrics = MetricsRegistry()
        let log = RecordedLog()
        let slow = SlowTurns("w.0", metrics, log.logger)
        let began = Reactor.clockMs()
        for _ in 0..<3 { slow.note(milliseconds: 150, stage: .translate) }
        slow.note(milliseconds: 400, stage: .settle)
        let took = Reactor.clockMs() - began
        #expect(metrics.value("aihub_worker_slow_turns_total", [("stage", "translate")]) == 3)
        #expect(metrics.value("aihub_worker_slow_turns_total", [("stage", "settle")]) == 1)
        #expect(log.all.first == "warning: event loop turn took long loop=w.0 ms=150 stage=translate")
        // At most one a second, however long this machine took.
        #expect(log.all.count <= 1 + Int(took / 1_000))
    }
}
