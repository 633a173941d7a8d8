package import DataPlaneHTTP
package import Logging
package import Operations
internal import Reactor
internal import Synchronization

/// Watches the process's memory, so that new requests are refused before the system kills the running ones.
///
/// Once memory is short, bodies still arriving are refused too, the largest first.
package final class MemoryGuard: Sendable {
    /// The share of the budget above which new requests are refused.
    private static let share = 0.85
    /// Shorter than a large body takes to arrive, so that the next check includes it.
    private static let checkEvery = Duration.milliseconds(20)
    /// Checks between two rounds of refusing bodies: it takes that long until the first round's memory is free.
    private static let checksPerRefusal = 5
    /// Checks between two calls of `trimAllocator`.
    private static let checksPerTrim = 50

    /// The bodies that are refused, largest first, while memory is short.
    package let bodies: BodyBudget
    private let limitBytes: Int
    private let metrics: MetricsRegistry
    private let log: Logger
    private let short = Atomic(false)

    /// - Parameter budgetBytes: bytes the process may use; 0 for no limit.
    package init(budgetBytes: Int, bodies: BodyBudget, metrics: MetricsRegistry, log: Logger) {
        self.bodies = bodies
        self.metrics = metrics
        self.log = log
        limitBytes = Int(Double(budgetBytes) * Self.share)
    }

    /// Whether new requests must be refused.
    package var isShort: Bool { short.load(ordering: .relaxed) }

    /// Checks until cancelled.
    package func run() async {
        var checkNumber = 0
        var shortSince: Int?
        while !Task.isCancelled {
            let excess = limitBytes > 0 ? ProcessMemory.residentBytes - limitBytes : 0
            short.store(excess > 0, ordering: .relaxed)
            if excess > 0 {
                let checks = checkNumber - (shortSince ?? checkNumber)
                if shortSince == nil { began(excess) }
                shortSince = shortSince ?? checkNumber
                if checks % Self.checksPerRefusal == 0 { bodies.free(bytes: excess) }
                if checks % Self.checksPerTrim == Self.checksPerRefusal { ProcessMemory.trimAllocator() }
            } else {
                shortSince = nil
            }
            if checkNumber % Self.checksPerTrim == 0 { publish() }
            checkNumber += 1
            try? await Task.sleep(for: Self.checkEvery)
        }
    }

    private func began(_ excess: Int) {
        metrics.add("aihub_worker_memory_short_total")
        log.warning(
            "short of memory: new requests are refused",
            metadata: ["excess_mib": "\(excess >> 20)", "bodies_mib": "\(bodies.total >> 20)"])
    }

    private func publish() {
        metrics.set("aihub_worker_memory_bytes", to: Double(ProcessMemory.residentBytes))
        metrics.set("aihub_worker_body_bytes", to: Double(bodies.total))
    }
}
