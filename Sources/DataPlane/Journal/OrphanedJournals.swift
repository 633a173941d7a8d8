internal import Foundation
internal import Glibc
internal import Logging

/// The journals of dead workers: the last record of each request that is not done, in small batches.
///
/// Batches keep memory small even when a long outage left gigabytes.
///
/// A request's records may be in several files, the last in any of them. So the files are read twice: first to index
/// the location of each request's last record, then to return those records in file order. If there are more than
/// `idsMax` ids, this is done for one partition of them after another.
///
/// A file is removed once all records returned from it were adopted and synced to a journal of this worker. A worker
/// that dies before that leaves both; the next one settles such a request again with the same bytes, which changes
/// nothing.
///
/// Reading blocks: not for an event loop, and one thread at a time.
package final class OrphanedJournals: @unchecked Sendable {
    /// Ids indexed at once; each takes about 50 bytes.
    package static let idsMax = 1_000_000

    struct Folder {
        var path: String
        var lock: Int32
        /// File names, in reading order.
        var files: [String]
    }

    private let folders: [Folder]
    private let files: [String]
    private let adopters: [Journal]
    private let log: Logger
    private let idsMax: Int
    /// Number of partitions of the ids; 0 until the ids are counted.
    private var parts = 0
    private var part = 0
    /// The index of the current partition; `nil` until it is built.
    private var index: JournalIndex?
    private var file = 0
    private var bytes: Data?
    private var offset: Int?
    /// Files read to their end in the last pass, to be removed.
    private var exhausted: [String] = []
    private var isOver = false

    init(_ folders: [Folder], adopters: [Journal], idsMax: Int, log: Logger) {
        self.folders = folders
        self.adopters = adopters
        self.idsMax = idsMax
        self.log = log
        files = folders.flatMap { folder in folder.files.map { folder.path + "/" + $0 } }
    }

    /// The next records, at most `count`; empty at the end. Calling it confirms that all earlier ones are in a journal
    /// of this worker.
    package func next(_ count: Int) -> [JournalRecord] {
        guard !isOver else { return [] }
        discard()
        if parts == 0 { parts = max(1, (idCount() + idsMax - 1) / idsMax) }
        var records: [JournalRecord] = []
        while records.count < count {
            if part == parts {
                if records.isEmpty { end() }
                break
            }
            if index == nil { index = makeIndex() }
            if file == files.count {
                index = nil
                file = 0
                part += 1
            } else {
                continueReading(into: &records, upTo: count)
            }
        }
        return records
    }

    deinit {
        if !isOver { for folder in folders { close(folder.lock) } }
    }

    // MARK: Reading

    private func idCount() -> Int {
        var count = 0
        var damaged = 0
        for path in files {
            damaged += scan(path) { payload, _ in
                guard let head = JournalRecord.head(of: payload) else { return }
                count += head.kind == .done ? JournalRecord(payload: payload)?.doneIDs.count ?? 0 : 1
            }
        }
        if damaged > 0 { log.error("journals of dead workers are damaged", metadata: ["places": "\(damaged)"]) }
        return count
    }

    private func makeIndex() -> JournalIndex {
        var index = JournalIndex(part: part, of: parts)
        for (number, path) in files.enumerated() {
            _ = scan(path) { payload, offset in
                guard let head = JournalRecord.head(of: payload) else { return }
                if head.kind == .done {
                    for id in JournalRecord(payload: payload)?.doneIDs ?? [] { index.markDone(id) }
                } else {
                    index.add(head.id, isEnd: head.kind == .ended, file: number, offset: offset)
                }
            }
        }
        return index
    }

    private func scan(_ path: String, _ body: (UnsafeRawBufferPointer, Int) -> Void) -> Int {
        guard let data = Self.mapped(path) else { return 0 }
        return data.withUnsafeBytes { bytes in
            JournalReader.scan(bytes) { payload, offset in
                body(payload, offset)
                return true
            }.damaged
        }
    }

    /// Continues in the current file until there are `count` records or it ends.
    private func continueReading(into records: inout [JournalRecord], upTo count: Int) {
        if bytes == nil { bytes = Self.mapped(files[file]) ?? Data() }
        let next = (bytes ?? Data()).withUnsafeBytes { bytes in
            JournalReader.scan(bytes, from: offset) { payload, offset in
                guard let head = JournalRecord.head(of: payload), head.kind != .done,
                    index?.isLatest(head.id, file: file, offset: offset) ?? false,
                    let record = JournalRecord(payload: payload)
                else { return true }
                records.append(record)
                return records.count < count
            }.next
        }
        offset = next
        guard next == nil else { return }
        bytes = nil
        if part == parts - 1 { exhausted.append(files[file]) }
        file += 1
    }

    private static func mapped(_ path: String) -> Data? {
        try? Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
    }

    // MARK: Removal

    /// Removes files whose records are all in journals of this worker, after syncing those.
    private func discard() {
        guard !exhausted.isEmpty else { return }
        for adopter in adopters { adopter.sync() }
        for path in exhausted { unlink(path) }
        exhausted = []
    }

    private func end() {
        isOver = true
        discard()
        for folder in folders {
            try? FileManager.default.removeItem(atPath: folder.path)
            close(folder.lock)
        }
    }
}
