internal import Foundation
internal import Journal
internal import Logging
internal import Operations

/// Sees through what dead workers left in their journals on this disk: each request is written into the journal of the first loop,
/// settled, and remembered until the ledger has it, a few at a time.
///
/// How many are under way at once is `SettlePump`'s to say. What a worker could take before it met Redis is taken first, because it belongs
/// to what is filed when counters were lost; of what comes later that is filed, and the ledger counts it as it takes it in.
final class Adoption: Sendable {
    private static let batch = 256
    private static let againAfter = Duration.milliseconds(20)

    private let inheritance: JournalInheritance
    private let loops: WorkerLoops
    private let metrics: MetricsRegistry
    private let log: Logger

    init(_ inheritance: JournalInheritance, by loops: WorkerLoops, metrics: MetricsRegistry, log: Logger) {
        self.inheritance = inheritance
        self.loops = loops
        self.metrics = metrics
        self.log = log
    }

    /// Takes over what may be under way at once.
    ///
    /// - Returns: what was read and not taken; `nil` when nothing is left at all.
    func begin() async -> [JournalRecord]? {
        let records = await adopt([], waiting: false)
        if let records, !records.isEmpty {
            log.warning("more requests of dead workers on disk than are settled at once: the rest follows")
        }
        return records
    }

    /// Takes over the rest, as what is under way is settled; ends early when its task is cancelled.
    ///
    /// - Parameter first: what `begin` left.
    func finish(_ first: [JournalRecord]) async { _ = await adopt(first, waiting: true) }

    private func adopt(_ first: [JournalRecord], waiting: Bool) async -> [JournalRecord]? {
        var records = first
        var count = 0
        defer { tell(count) }
        while !Task.isCancelled {
            if records.isEmpty { records = await read() }
            guard !records.isEmpty else { return nil }
            let taken = await loops.adopt(records)
            count += taken
            records.removeFirst(taken)
            guard taken == 0 else { continue }
            guard waiting else { return records }
            try? await Task.sleep(for: Self.againAfter)
        }
        return records
    }

    private func tell(_ count: Int) {
        guard count > 0 else { return }
        metrics.add("aihub_worker_requests_adopted_total", by: Double(count))
        log.warning("requests of a dead worker taken over", metadata: ["count": "\(count)"])
    }

    /// Files of gigabytes are read on a thread of their own.
    private func read() async -> [JournalRecord] {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { [inheritance] in continuation.resume(returning: inheritance.next(Self.batch)) }
        }
    }
}
