internal import Admission
internal import Foundation
internal import Glibc
package import Logging
internal import Synchronization

/// The journals of one worker: `<folder>/<boot>/<loop>-<number>.j`, with a file lock held as long as the worker lives.
///
/// The next worker that starts on this disk finds what a dead one left.
package final class JournalFolder: @unchecked Sendable {
    /// Bytes of one file. Each loop has at least two.
    package static let segmentBytes = 16 << 20
    /// Files of one loop. At this bound no file is created until the ledger has caught up.
    static let segmentsMax = 256
    private static let upkeepEvery: UInt32 = 20_000

    private let parent: String
    private let boot: String
    private let lock: Int32
    private let log: Logger
    private let segmentBytes: Int
    private var journals: [(journal: Journal, next: Int)] = []
    private var live: [String: [JournalSegment]] = [:]
    /// The journals, for threads other than the upkeep thread; unchanged after `start`.
    private var made: [Journal] = []
    private let stopped = Atomic(false)

    package init(_ parent: String, boot: String, segmentBytes: Int = JournalFolder.segmentBytes, log: Logger) throws {
        self.parent = parent
        self.boot = parent + "/" + boot
        self.segmentBytes = segmentBytes
        self.log = log
        try FileManager.default.createDirectory(
            atPath: self.boot, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        guard let held = Self.lock(self.boot) else { throw JournalSegment.Failure.system(call: "flock", errno: errno) }
        lock = held
    }

    /// Adds a loop's journal; only before `start`.
    package func journal(_ name: String) -> Journal {
        let journal = Journal(name: name)
        journals.append((journal, 1))
        made.append(journal)
        return journal
    }

    /// Creates the first files, then maintains the journals on a thread of its own: 50 times a second a spare file for
    /// each journal without one, and every fifth time a sync.
    package func start() {
        maintain(syncing: false)
        Thread.detachNewThread { [self] in
            var turn = 0
            while !stopped.load(ordering: .relaxed) {
                usleep(Self.upkeepEvery)
                turn += 1
                maintain(syncing: turn % 5 == 0)
            }
        }
    }

    /// Ends the upkeep and releases the lock.
    ///
    /// - Parameter isClean: the ledger has everything, so the files are removed; otherwise they stay for the next
    ///   worker on this disk.
    package func stop(removing isClean: Bool) {
        stopped.store(true, ordering: .relaxed)
        if isClean { try? FileManager.default.removeItem(atPath: boot) }
        flock(lock, LOCK_UN)
        close(lock)
    }

    private func maintain(syncing: Bool) {
        for at in journals.indices {
            let journal = journals[at].journal
            let (needsSpare, unsynced, removable) = journal.shared.withLock { shared in
                defer { shared.removable = [] }
                return (shared.spare == nil, shared.unsynced, shared.removable)
            }
            for segment in removable {
                segment.remove()
                live[journal.name]?.removeAll { $0 === segment }
            }
            if needsSpare, live[journal.name, default: []].count < Self.segmentsMax {
                let path = "\(boot)/\(journal.name)-\(String(format: "%08d", journals[at].next)).j"
                do throws(JournalSegment.Failure) {
                    let spare = try JournalSegment(path: path, size: segmentBytes)
                    journals[at].next += 1
                    live[journal.name, default: []].append(spare)
                    journal.shared.withLock { $0.spare = spare }
                } catch {
                    if syncing { log.error("a journal file cannot be created", metadata: ["reason": "\(error)"]) }
                }
            }
            guard syncing else { continue }
            for segment in unsynced { segment.sync() }
            // The newest is still being written; earlier ones are complete and synced.
            journal.shared.withLock { shared in
                let newest = shared.unsynced.last
                shared.unsynced.removeAll { done in done !== newest && unsynced.contains { $0 === done } }
            }
        }
    }

    // MARK: Reading

    /// A loop's records on disk, for a Redis that lost everything. Blocks.
    package func records(of name: String) -> [JournalRecord] { Self.records(in: boot, prefix: name + "-", log) }

    /// The journals of dead workers, to be adopted. Their folders stay locked until that is done or this process ends.
    ///
    /// - Parameter idsMax: ids indexed at once, at about 50 bytes each.
    package func orphaned(idsMax: Int = OrphanedJournals.idsMax) -> OrphanedJournals {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        var folders: [OrphanedJournals.Folder] = []
        for path in names.sorted().map({ parent + "/" + $0 }) where path != boot {
            guard let held = Self.lock(path) else { continue }
            let files = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
            folders.append(.init(path: path, lock: held, files: files.filter { $0.hasSuffix(".j") }))
        }
        return OrphanedJournals(folders, adopters: made, idsMax: idsMax, log: log)
    }

    private static func records(in folder: String, prefix: String, _ log: Logger) -> [JournalRecord] {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        return names.filter { $0.hasPrefix(prefix) && $0.hasSuffix(".j") }.flatMap { name in
            guard let data = try? Data(contentsOf: URL(filePath: folder + "/" + name), options: .alwaysMapped) else {
                return [JournalRecord]()
            }
            let (records, damaged) = data.withUnsafeBytes { JournalReader.records(in: $0) }
            if damaged > 0 {
                log.error("journal is damaged", metadata: ["file": "\(name)", "places": "\(damaged)"])
            }
            return records
        }
    }

    /// The descriptor that locks a folder; `nil` while the worker that owns it lives, or when the lock file cannot be
    /// opened.
    private static func lock(_ folder: String) -> Int32? {
        let descriptor = open(folder + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }
}
