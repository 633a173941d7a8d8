import LoopWatch
import Reactor
import TestPeers
import Testing

@Suite struct LoopWatchdogTests {
    @Test("fails for the loops that are stuck, and names them")
    func failures() {
        let loops = ["w.0", "w.1"].map { LoopWatchdog.Loop(turns: LoopTurns(), loopStatus: LoopStatus(loopID: $0)) }
        let watched = LoopStatus(loopID: "w.2")
        let watchdog = LoopWatchdog(
            loops + [LoopWatchdog.Loop(turns: LoopTurns(), loopStatus: watched)], stallMs: 700,
            log: RecordedLog().logger)
        #expect(watchdog.failures.isEmpty)
        watched.setStalled(true)
        #expect(watchdog.failures == ["event loop w.2 has made no progress for 700 ms"])
    }

    @Test("a loop that turns again is no longer stuck, and the log says so")
    func recovers() async {
        let loop = OnLoop { _ in 0 }
        let log = RecordedLog()
        let status = LoopStatus(loopID: "w.0")
        status.setStalled(true)
        // So patient that it never ends this process.
        let watchdog = LoopWatchdog(
            [LoopWatchdog.Loop(turns: loop.reactor.turns, loopStatus: status)], stallMs: 600_000, log: log.logger)
        watchdog.start()
        let isRunning = await eventually {
            _ = await loop.run { $0 }
            return !status.isStalled
        }
        watchdog.stop()
        #expect(isRunning && watchdog.failures.isEmpty)
        #expect(log.all.contains { $0.hasPrefix("warning: event loop is running again loop=w.0") })
    }
}
