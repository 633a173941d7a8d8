internal import Admission
internal import Synchronization

/// One event loop's journal: what it admitted and what it owes, so that its death loses nothing that only it knew.
///
/// Redis is a projection of it: a record is written before its settle is sent, and kept until the ledger has it. Writing is
/// a copy into a mapped file; making, syncing and removing files is `JournalFolder`'s work, on a thread of its own.
package final class Journal: @unchecked Sendable {
    private struct Written {
        let segment: JournalSegment
        /// Requests whose last record is in this segment and that are not done with.
        var outstanding = 0
    }

    /// What the loop and the folder's thread share.
    struct Shared {
        var spare: JournalSegment?
        var unsynced: [JournalSegment] = []
        var removable: [JournalSegment] = []
    }

    /// The event loop it belongs to.
    package let name: String
    let shared = Mutex(Shared())
    private var segments: [Written] = []
    /// The number of the first of `segments`; numbers only rise.
    private var first = 0
    private var latest: [String: Int] = [:]
    /// No segment could be had: records are missing on disk until one can.
    package private(set) var isDegraded = false

    init(name: String) { self.name = name }

    /// Half of the files it may have are in use: what can wait for the ledger should.
    package var isHalfFull: Bool { segments.count >= JournalFolder.segmentsMax / 2 }

    /// Brings what was written before this call to the disk. Blocks; from any thread but the loop's.
    func sync() { for segment in shared.withLock({ $0.unsynced }) { segment.sync() } }

    package func write(_ record: JournalRecord) {
        isDegraded = !append(record)
        guard !isDegraded else { return }
        let current = first + segments.count - 1
        if let before = latest.updateValue(current, forKey: record.request.id) {
            guard before != current else { return }
            segments[before - first].outstanding -= 1
        }
        segments[segments.count - 1].outstanding += 1
    }

    /// Says on disk that nothing needs to be known of these requests: what is not said here would be taken over by the worker
    /// that comes after a dead one, and filed again. Lost, it does no harm.
    package func noteDone(_ ids: [String]) {
        for start in stride(from: 0, to: ids.count, by: JournalRecord.doneMax) {
            _ = append(.done(ids[start..<min(start + JournalRecord.doneMax, ids.count)]))
        }
    }

    private func append(_ record: JournalRecord) -> Bool {
        if let last = segments.last?.segment, last.append(record) { return true }
        return rotate() && segments[segments.count - 1].segment.append(record)
    }

    /// Nothing of this request is owed any more.
    package func done(_ id: String) {
        guard let number = latest.removeValue(forKey: id) else { return }
        segments[number - first].outstanding -= 1
        if number == first { retire() }
    }

    private func rotate() -> Bool {
        let next = shared.withLock { shared in
            defer { shared.spare = nil }
            return shared.spare
        }
        guard let next else { return false }
        if let full = segments.last?.segment { shared.withLock { $0.unsynced.append(full) } }
        segments.append(Written(segment: next))
        shared.withLock { $0.unsynced.append(next) }
        retire()
        return true
    }

    /// Strictly from the oldest: a later segment may hold the end of a request that began in an earlier one.
    private func retire() {
        while segments.count > 1, let oldest = segments.first, oldest.outstanding == 0 {
            segments.removeFirst()
            first += 1
            shared.withLock { $0.removable.append(oldest.segment) }
        }
    }
}
