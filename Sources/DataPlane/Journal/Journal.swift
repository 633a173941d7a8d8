internal import Admission
internal import Synchronization

/// One event loop's journal of admitted and unsettled requests, so that its death loses nothing only it knew.
///
/// The journal comes first, Redis is derived from it: a record is written before its settle is sent, and kept until the
/// ledger has it. Writing copies into a mapped file; `JournalFolder` creates, syncs and removes files on a thread of
/// its own.
package final class Journal: @unchecked Sendable {
    private struct Written {
        let segment: JournalSegment
        /// Requests that are not done and whose last record is in this segment.
        var outstanding = 0
    }

    /// State shared by the loop and the folder's upkeep thread.
    struct Shared {
        var spare: JournalSegment?
        var unsynced: [JournalSegment] = []
        var removable: [JournalSegment] = []
    }

    /// The event loop it belongs to.
    package let name: String
    let shared = Mutex(Shared())
    private var segments: [Written] = []
    /// The number of the first entry of `segments`; it only increases.
    private var first = 0
    private var latest: [String: Int] = [:]
    /// Whether the last write found no segment: records are missing on disk until one is available.
    package private(set) var isDegraded = false

    init(name: String) { self.name = name }

    /// Whether half of the allowed files are in use: work that can wait for the ledger should wait.
    package var isHalfFull: Bool { segments.count >= JournalFolder.segmentsMax / 2 }

    /// Syncs what was written before this call to the disk. Blocks: not for the event loop.
    func sync() { for segment in shared.withLock({ $0.unsynced }) { segment.sync() } }

    /// Appends the record, which replaces earlier ones of the same request. Without room on disk nothing
    /// is written and `isDegraded` is set.
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

    /// Records on disk that these requests are done. Otherwise, if this worker dies, the next one adopts and files them
    /// again, which is redundant but harmless.
    package func appendDone(_ ids: [String]) {
        for start in stride(from: 0, to: ids.count, by: JournalRecord.doneMax) {
            _ = append(.done(ids[start..<min(start + JournalRecord.doneMax, ids.count)]))
        }
    }

    private func append(_ record: JournalRecord) -> Bool {
        if let last = segments.last?.segment, last.append(record) { return true }
        return rotate() && segments[segments.count - 1].segment.append(record)
    }

    /// Marks a request as done: its records are no longer needed.
    package func markDone(_ id: String) {
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

    /// Retires segments strictly from the oldest: without a later segment, an earlier record of the same request would
    /// become its last one.
    private func retire() {
        while segments.count > 1, let oldest = segments.first, oldest.outstanding == 0 {
            segments.removeFirst()
            first += 1
            shared.withLock { $0.removable.append(oldest.segment) }
        }
    }
}
