/// The location (file and offset) of each request's last record, for one partition of all ids: 24 bytes an id, plus
/// dictionary overhead.
struct JournalIndex {
    /// The 16 bytes of a request's id. Texts of any other form are hashed into 16 bytes.
    private struct ID: Hashable {
        var high: UInt64 = 0
        var low: UInt64 = 0

        init(_ text: UnsafeRawBufferPointer) {
            var digits = 0
            for byte in text {
                let digit: UInt64
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt64(byte) - 0x30
                case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt64(byte) - 0x57
                case UInt8(ascii: "-"): continue
                default:
                    digits = .max
                    digit = 0
                }
                guard digits < 32 else { break }
                high = high << 4 | low >> 60
                low = low << 4 | digit
                digits += 1
            }
            guard text.count != 36 || digits != 32 else { return }
            high = JournalRecord.checksum(text)
            low = JournalRecord.checksum(UnsafeRawBufferPointer(rebasing: text.dropFirst())) ^ UInt64(text.count) << 56
        }
    }

    private static let done = UInt64.max
    private static let end: UInt64 = 1 << 63

    private let part: UInt64
    private let parts: UInt64
    /// `done`, or an `end` bit, the file's number and the offset in it.
    private var places: [ID: UInt64] = [:]

    init(part: Int, of parts: Int) {
        self.part = UInt64(part)
        self.parts = UInt64(parts)
    }

    var count: Int { places.count }

    /// Adds a request's record. The last one read counts, but a running record never replaces an end: loops write in
    /// parallel, so the order of files is not the order of records.
    mutating func add(_ id: UnsafeRawBufferPointer, isEnd: Bool, file: Int, offset: Int) {
        let id = ID(id)
        guard id.low % parts == part else { return }
        if let before = places[id], before == Self.done || before & Self.end != 0 && !isEnd { return }
        places[id] = Self.place(file, offset) | (isEnd ? Self.end : 0)
    }

    /// Marks a request as done, whatever other files say about it.
    mutating func markDone(_ text: String) {
        var text = text
        let id = text.withUTF8 { ID(UnsafeRawBufferPointer($0)) }
        if id.low % parts == part { places[id] = Self.done }
    }

    func isLatest(_ id: UnsafeRawBufferPointer, file: Int, offset: Int) -> Bool {
        guard let place = places[ID(id)], place != Self.done else { return false }
        return place & ~Self.end == Self.place(file, offset)
    }

    private static func place(_ file: Int, _ offset: Int) -> UInt64 { UInt64(file) << 32 | UInt64(offset) }
}
