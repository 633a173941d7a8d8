internal import Foundation
internal import Glibc
internal import Logging

/// What dead workers left in their journals: the last record of each of their requests that is not done with, handed out a few at a
/// time, so that gigabytes of a long outage are taken over in little memory.
///
/// The records of one request may stand in several files, the last word in any of them. So the files are read twice: first the
/// ids are noted and where the last word of each stands, then the last words are handed out, in the order of the files. When there
/// are more ids than may be noted at once, that is done for one part of them after the other.
///
/// A file is removed when all that was handed out of it was taken, and is on the disk in a journal of this worker. A worker that dies
/// before that leaves both; the next one settles such a request again, with the same bytes, which changes nothing.
///
/// Reading blocks: not for an event loop, and for one thread at a time.
package final class JournalInheritance: @unchecked Sendable {
    /// Ids noted at once; each takes some 50 bytes.
    package static let idsMax = 1_000_000

    struct Folder {
        var path: String
        var lock: Int32
        /// Names, in the order of reading.
        var files: [String]
    }

    private let folders: [Folder]
    private let files: [String]
    private let heirs: [Journal]
    private let log: Logger
    private let idsMax: Int
    /// How many parts the ids are in; 0 until they are counted.
    private var parts = 0
    private var part = 0
    /// The ids of this part; `nil` until they are noted.
    private var index: JournalIndex?
    private var file = 0
    private var bytes: Data?
    private var offset: Int?
    /// Read to their end for the last time.
    private var exhausted: [String] = []
    private var isOver = false

    init(_ folders: [Folder], heirs: [Journal], idsMax: Int, log: Logger) {
        self.folders = folders
        self.heirs = heirs
        self.idsMax = idsMax
        self.log = log
        files = folders.flatMap { folder in folder.files.map { folder.path + "/" + $0 } }
    }

    /// The next records, at most so many; none at the end. To ask for them says that those before are in a journal of this worker.
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
                readOn(into: &records, upTo: count)
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
                    for id in JournalRecord(payload: payload)?.doneIDs ?? [] { index.done(id) }
                } else {
                    index.note(head.id, isEnd: head.kind == .ended, file: number, offset: offset)
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

    /// Reads on in the current file until there are enough records or it ends.
    private func readOn(into records: inout [JournalRecord], upTo count: Int) {
        if bytes == nil { bytes = Self.mapped(files[file]) ?? Data() }
        let next = (bytes ?? Data()).withUnsafeBytes { bytes in
            JournalReader.scan(bytes, from: offset) { payload, offset in
                guard let head = JournalRecord.head(of: payload), head.kind != .done,
                    index?.isLastWord(head.id, file: file, offset: offset) ?? false,
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

    // MARK: The end

    /// Removes files of which everything is in a journal of this worker, once that is on the disk.
    private func discard() {
        guard !exhausted.isEmpty else { return }
        for heir in heirs { heir.sync() }
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
