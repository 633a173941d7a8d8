internal import Foundation
internal import Glibc
internal import Logging
internal import Reactor
internal import Synchronization

/// Watches the event loops from a thread of its own.
///
/// A loop without a turn for `stallMs`, counted in the watchdog's own ticks, makes `/livez` fail and sends no more
/// heartbeats, so that other workers reap its holds. `graceMs` later the process exits: nothing queued on such a loop,
/// a shutdown included, would ever run.
final class LoopWatchdog: Sendable {
    struct Loop: Sendable {
        let turns: LoopTurns
        let loopStatus: LoopStatus
    }

    static let tickMs = 50
    /// Time between the first failing `/livez` and the exit, in which a probe may see it.
    static let graceMs = 1_000
    /// Exit status of a process that gave up (sysexits.h, EX_SOFTWARE).
    static let exitStatus: Int32 = 70

    private let loops: [Loop]
    private let stallMs: Int
    private let log: Logger
    private let isStopped = Atomic(false)

    init(_ loops: [Loop], stallMs: Int, log: Logger) {
        self.loops = loops
        self.stallMs = stallMs
        self.log = log
    }

    /// Why `/livez` fails; empty while it passes.
    var failures: [String] {
        loops.filter(\.loopStatus.isStalled).map {
            "event loop \($0.loopStatus.loopID) has made no progress for \(stallMs) ms"
        }
    }

    func start() {
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
    func stop() { isStopped.store(true, ordering: .relaxed) }

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
