internal import Foundation
internal import Glibc
package import Logging
package import Reactor
internal import Synchronization

/// Watches the event loops from a thread of its own.
///
/// A loop without a turn for `stallMs`, counted in the watchdog's own ticks, makes `/livez` fail and sends no more
/// heartbeats, so that other workers reap its holds. `graceMs` later the process exits: nothing queued on such a loop,
/// a shutdown included, would ever run.
package final class LoopWatchdog: Sendable {
    /// A loop to watch.
    package struct Loop: Sendable {
        let turns: LoopTurns
        let loopStatus: LoopStatus

        /// - Parameters:
        ///   - turns: the reactor's statistics, whose count must rise.
        ///   - loopStatus: where a stall is recorded.
        package init(turns: LoopTurns, loopStatus: LoopStatus) {
            self.turns = turns
            self.loopStatus = loopStatus
        }
    }

    /// How often the loops are looked at.
    package static let tickMs = 50
    /// Time between the first failing `/livez` and the exit, in which a probe may see it.
    static let graceMs = 1_000
    /// Exit status of a process that gave up (sysexits.h, EX_SOFTWARE).
    static let exitStatus: Int32 = 70

    private let loops: [Loop]
    private let stallMs: Int
    private let log: Logger
    private let isStopped = Atomic(false)

    /// - Parameter stallMs: how long a loop may go without a turn.
    package init(_ loops: [Loop], stallMs: Int, log: Logger) {
        self.loops = loops
        self.stallMs = stallMs
        self.log = log
    }

    /// Why `/livez` fails; empty while it passes.
    package var failures: [String] {
        loops.filter(\.loopStatus.isStalled).map {
            "event loop \($0.loopStatus.loopID) has made no progress for \(stallMs) ms"
        }
    }

    /// Starts the watching thread.
    package func start() {
        Thread.detachNewThread { [self] in
            Reactor.nameThread("watchdog")
            let detector = StallDetector(
                stalledTicks: max(1, stallMs / Self.tickMs), graceTicks: Self.graceMs / Self.tickMs)
            var detectors = loops.map { _ in detector }
            while !isStopped.load(ordering: .relaxed) {
                usleep(UInt32(Self.tickMs) * 1_000)
                for at in detectors.indices { act(on: detectors[at].tick(turns: loops[at].turns.count), loops[at]) }
            }
        }
    }

    /// Must be called before the loops stop.
    package func stop() { isStopped.store(true, ordering: .relaxed) }

    private func act(on verdict: StallDetector.Verdict, _ loop: Loop) {
        switch verdict {
        case .turning: if loop.loopStatus.isStalled { recovered(loop) }
        case .still: loop.turns.sample()
        case .stalled: if !loop.loopStatus.isStalled { stalled(loop) }
        case .unrecoverable:
            guard !isStopped.load(ordering: .relaxed) else { return }
            log.critical("worker exits: an event loop is stuck", metadata: facts(of: loop))
            // No orderly shutdown: it would wait for the loop. The journal is on disk, and other workers reap its
            // holds.
            _exit(Self.exitStatus)
        }
    }

    private func stalled(_ loop: Loop) {
        loop.loopStatus.setStalled(true)
        log.critical("event loop is stuck", metadata: facts(of: loop))
    }

    private func recovered(_ loop: Loop) {
        loop.loopStatus.setStalled(false)
        log.warning("event loop is running again", metadata: facts(of: loop))
    }

    private func facts(of loop: Loop) -> Logger.Metadata {
        ["loop": "\(loop.loopStatus.loopID)", "stage": "\(loop.turns.stage.name)", "stall_ms": "\(stallMs)"]
    }
}
