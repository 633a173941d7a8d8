internal import FoundationEssentials

/// The records of one journal file as text, for `aihub-worker journal`. The file is only read, and may belong to a
/// worker that runs.
///
/// Keys, secrets and words of the conversation cannot appear: the journal has none of them.
package struct JournalListing: Sendable {
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case unreadable(path: String)
        case notAJournal(path: String)

        package var description: String {
            switch self {
            case .unreadable(let path): "\(path) cannot be read"
            case .notAJournal(let path):
                "\(path) is not a journal of this version: it does not begin with "
                    + String(decoding: JournalSegment.magic, as: UTF8.self)
            }
        }
    }

    private let records: [JournalRecord]
    /// What a reader of the lines must know about the file: damage, or an end that is not a whole record.
    package let remarks: [String]

    package init(path: String) throws(Failure) {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { throw .unreadable(path: path) }
        guard data.starts(with: JournalSegment.magic) else { throw .notAJournal(path: path) }
        var records: [JournalRecord] = []
        var end = JournalSegment.magic.count
        var damaged = 0
        var isTorn = false
        data.withUnsafeBytes { bytes in
            damaged =
                JournalReader.scan(bytes) { payload, at in
                    if let record = JournalRecord(payload: payload) { records.append(record) }
                    end = at + (JournalRecord.headerBytes + payload.count + 7) & ~7
                    return true
                }.damaged
            // What was allocated and not yet written is zero.
            isTorn = bytes.dropFirst(end).contains { $0 != 0 }
        }
        self.records = records
        var remarks: [String] = []
        if damaged > 0 { remarks.append("damaged in \(damaged) places: what stood there is left out") }
        if isTorn {
            remarks.append(
                "the end is torn: from byte \(end) on there is no whole record, because a write was interrupted or is "
                    + "under way")
        }
        self.remarks = remarks
    }

    /// One line a record, in the order they were written.
    package var text: [String] { records.map { JournalLine($0).text } }

    /// The same, each line an object of JSON.
    package var json: [String] { get throws { try records.map { try JournalLine($0).json } } }
}
