package import Logging
package import Operations
package import Reactor

/// Reports long turns of an event loop: each is counted by its stage, and at most one a second is logged.
package final class SlowTurns {
    private static let logEveryMs: Int64 = 1_000

    private let loopID: String
    private let metrics: MetricsRegistry
    private let log: Logger
    private var loggedMs = Int64.min / 2

    /// - Parameter loopID: named in the log.
    package init(_ loopID: String, _ metrics: MetricsRegistry, _ log: Logger) {
        self.loopID = loopID
        self.metrics = metrics
        self.log = log
    }

    /// Takes what `Reactor.onSlowTurn` reports, on the reactor.
    package func note(milliseconds: Int64, stage: LoopStage) {
        metrics.add("aihub_worker_slow_turns_total", [("stage", stage.name)])
        let now = Reactor.clockMs()
        guard now - loggedMs >= Self.logEveryMs else { return }
        loggedMs = now
        log.warning(
            "event loop turn took long",
            metadata: ["loop": "\(loopID)", "ms": "\(milliseconds)", "stage": "\(stage.name)"])
    }
}
