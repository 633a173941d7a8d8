internal import Foundation
package import Journal
package import Logging
package import Operations

/// Adopts the journals that dead workers left on this disk.
///
/// A batch at a time, each request is written to the journal of the first loop, settled, and remembered until the
/// ledger has it.
///
/// `SettlementQueue` bounds how many are in progress at once. As many as fit are adopted before the worker connects to
/// Redis, so that they are part of what is appended if counters were lost. Later ones of a lost generation are
/// appended, and the ledger counts them when it ingests them.
package final class Adoption: Sendable {
    private static let batch = 256
    private static let retryAfter = Duration.milliseconds(20)

    private let journals: OrphanedJournals
    private let adoptOnLoop: @Sendable ([JournalRecord]) async -> Int
    private let metrics: MetricsRegistry
    private let log: Logger

    /// - Parameter adoptOnLoop: hands records to a loop, and returns how many of them, from the first on, it adopted.
    package init(
        _ journals: OrphanedJournals, metrics: MetricsRegistry, log: Logger,
        adoptOnLoop: @escaping @Sendable ([JournalRecord]) async -> Int
    ) {
        self.journals = journals
        self.adoptOnLoop = adoptOnLoop
        self.metrics = metrics
        self.log = log
    }

    /// Adopts as many requests as fit now.
    ///
    /// - Returns: records that were read but did not fit; `nil` when none are left at all.
    package func begin() async -> [JournalRecord]? {
        let records = await adopt([], waiting: false)
        if let records, !records.isEmpty {
            log.warning(
                "too many requests of dead workers to adopt at once: the rest follows")
        }
        return records
    }

    /// Adopts the rest as earlier ones are settled; returns early when its task is cancelled.
    ///
    /// - Parameter first: the records `begin` returned.
    package func finish(_ first: [JournalRecord]) async { _ = await adopt(first, waiting: true) }

    private func adopt(_ first: [JournalRecord], waiting: Bool) async -> [JournalRecord]? {
        var records = first
        var count = 0
        defer { report(count) }
        while !Task.isCancelled {
            if records.isEmpty { records = await read() }
            guard !records.isEmpty else { return nil }
            let adopted = await adoptOnLoop(records)
            count += adopted
            records.removeFirst(adopted)
            guard adopted == 0 else { continue }
            guard waiting else { return records }
            try? await Task.sleep(for: Self.retryAfter)
        }
        return records
    }

    private func report(_ count: Int) {
        guard count > 0 else { return }
        metrics.add("aihub_worker_requests_adopted_total", by: Double(count))
        log.warning("requests of a dead worker adopted", metadata: ["count": "\(count)"])
    }

    /// Reads on a thread of its own: the files may be gigabytes.
    private func read() async -> [JournalRecord] {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { [journals] in continuation.resume(returning: journals.next(Self.batch)) }
        }
    }
}
