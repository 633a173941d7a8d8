import Reactor
import Synchronization
import Testing

@Suite struct SlowTurnTests {
    private final class Told: Sendable {
        let stages = Mutex<[LoopStage]>([])
    }

    /// Busy-waits, since the length of a turn is what counts.
    private static func work(milliseconds: Int64) {
        let end = Reactor.clockMs() + milliseconds
        while Reactor.clockMs() < end {}
    }

    @Test("a long turn is told with what it was busy with; a short one is not")
    func told() async {
        let reactor = Reactor()
        let told = Told()
        reactor.onSlowTurn = { milliseconds, stage in
            #expect(milliseconds > Reactor.slowTurnMs)
            told.stages.withLock { $0.append(stage) }
        }
        reactor.start()
        await reactor.submit {
            reactor.enter(.translate)
            Self.work(milliseconds: Reactor.slowTurnMs + 20)
            // Sampled from outside, as the watchdog does; the stages after it were short.
            reactor.turns.sample()
            reactor.enter(.settle)
        }
        await reactor.submit {
            reactor.enter(.relay)
            Self.work(milliseconds: Reactor.slowTurnMs + 20)
        }
        await reactor.submit {}
        let stages = told.stages.withLock { $0 }
        #expect(stages.prefix(2) == [.translate, .hooks])
        reactor.stop()
    }

    @Test("a reactor that waits turns all the same, and says that it waits")
    func turns() async {
        let reactor = Reactor()
        reactor.start()
        let before = reactor.turns.count
        await reactor.submit {}
        await reactor.submit {}
        #expect(reactor.turns.count > before)
        reactor.stop()
    }
}
