import Admission
import Foundation
import GatewayModel
import Journal
import Operations
import Reactor
import Settlement
import TestPeers
import Testing

@Suite struct AdoptionTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "adoption-\(UUID().uuidString)").path
    private let log = RecordedLog()
    private let metrics = MetricsRegistry()

    /// The journal of a worker that died with these requests.
    private func orphans(_ count: UInt64) throws -> (OrphanedJournals, JournalFolder) {
        let dead = try JournalFolder(folder, boot: "dead", segmentBytes: 1 << 20, log: log.logger)
        let journal = dead.journal("loop0")
        dead.start()
        for number in 1...count {
            journal.write(
                JournalRecord(.ended, settleRequest(requestID(number).text), generation: "7", admittedMs: 0))
        }
        dead.stop(removing: false)
        let next = try JournalFolder(folder, boot: "next", segmentBytes: 1 << 20, log: log.logger)
        return (next.orphaned(), next)
    }

    @Test("what fits is adopted at once, the rest as places become free, each request once and in order")
    func inParts() async throws {
        let (orphans, next) = try orphans(20)
        let adopted = Notes<String>()
        let room = Notes<Int>()
        room.add(12)
        let adoption = Adoption(orphans, metrics: metrics, log: log.logger) { records in
            let some = records.prefix((room.all.last ?? 0) - adopted.all.count)
            for record in some { adopted.add(record.request.id) }
            return some.count
        }
        let left = try #require(await adoption.begin())
        #expect(adopted.all.count == 12 && left.count == 8)
        async let finished: Void = adoption.finish(left)
        room.add(15)
        #expect(await eventually { adopted.all.count == 15 })
        room.add(100)
        await finished
        #expect(adopted.all.count == 20 && Set(adopted.all).count == 20)
        #expect(metrics.value("aihub_worker_requests_adopted_total") == 20)
        #expect(log.all.contains { $0.hasPrefix("warning: too many requests of dead workers") })
        next.stop(removing: true)
    }

    @Test("where there is nothing to adopt nothing is left, and the log is silent")
    func nothing() async throws {
        let next = try JournalFolder(folder, boot: "next", segmentBytes: 1 << 20, log: log.logger)
        let adoption = Adoption(next.orphaned(), metrics: metrics, log: log.logger) { _ in 0 }
        #expect(await adoption.begin() == nil && log.all.isEmpty)
        next.stop(removing: true)
    }
}
