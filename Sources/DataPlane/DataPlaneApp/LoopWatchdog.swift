internal import Foundation
internal import Glibc
internal import Logging
internal import Reactor
internal import Synchronization

/// Watches the event loops from a thread of its own. A loop that has not turned for `stallMs` of its ticks makes `/livez` fail and
/// sends no more signs of life, so that other workers see its holds through; a little later the process ends itself, since nothing
/// that is queued on such a loop, a shutdown included, would ever be done.
final class LoopWatchdog: Sendable {
    struct Loop: Sendable {
        let turns: LoopTurns
        let pulse: LoopPulse
    }

    static let tickMs = 50
    /// Between the first failing `/livez` and the end, in which somebody may see it.
    static let graceMs = 1_000
    /// The status of a process that ended itself (sysexits.h, EX_SOFTWARE).
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

    /// Why the worker is not alive; empty while it is.
    var complaints: [String] {
        loops.filter(\.pulse.isStalled).map { "event loop \($0.pulse.owner) has not turned for \(stallMs) ms" }
    }

    func start() {
        Thread.detachNewThread { [self] in
            Reactor.nameThread("watchdog")
            let judge = StallJudge(
                stalledTicks: max(1, stallMs / Self.tickMs), graceTicks: Self.graceMs / Self.tickMs)
            var judges = loops.map { _ in judge }
            while !isStopped.load(ordering: .relaxed) {
                usleep(UInt32(Self.tickMs) * 1_000)
                for at in judges.indices { act(on: judges[at].tick(turns: loops[at].turns.count), loops[at]) }
            }
        }
    }

    /// Before the loops end.
    func stop() { isStopped.store(true, ordering: .relaxed) }

    private func act(on verdict: StallJudge.Verdict, _ loop: Loop) {
        switch verdict {
        case .turning: if loop.pulse.isStalled { recovered(loop) }
        case .still: loop.turns.sample()
        case .stalled: if !loop.pulse.isStalled { stalled(loop) }
        case .hopeless:
            guard !isStopped.load(ordering: .relaxed) else { return }
            log.critical("worker ends itself: an event loop does not turn", metadata: facts(of: loop))
            // Nothing is taken apart: that would wait for the loop. The journal is on disk, and its holds are seen through.
            _exit(Self.exitStatus)
        }
    }

    private func stalled(_ loop: Loop) {
        loop.pulse.stalls(true)
        log.critical("event loop does not turn", metadata: facts(of: loop))
    }

    private func recovered(_ loop: Loop) {
        loop.pulse.stalls(false)
        log.warning("event loop turns again", metadata: facts(of: loop))
    }

    private func facts(of loop: Loop) -> Logger.Metadata {
        ["loop": "\(loop.pulse.owner)", "stage": "\(loop.turns.stage.name)", "stall_ms": "\(stallMs)"]
    }
}
