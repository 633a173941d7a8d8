/// Where the last word of each request stands, for one part of all ids: 24 bytes an id, and what a dictionary needs beside.
struct JournalIndex {
    /// The 16 bytes of a request's id. Other texts than ours are hashed into that many.
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
    /// `done`, or whether it is an end, then the file's number and the place in it.
    private var places: [ID: UInt64] = [:]

    init(part: Int, of parts: Int) {
        self.part = UInt64(part)
        self.parts = UInt64(parts)
    }

    var count: Int { places.count }

    /// A record of a request: the last one counts, but an end is an end, whichever file is read first, because loops write side by
    /// side.
    mutating func note(_ id: UnsafeRawBufferPointer, isEnd: Bool, file: Int, offset: Int) {
        let id = ID(id)
        guard id.low % parts == part else { return }
        if let before = places[id], before == Self.done || before & Self.end != 0 && !isEnd { return }
        places[id] = Self.place(file, offset) | (isEnd ? Self.end : 0)
    }

    /// Nothing more needs to be known of it, in whichever file that is said.
    mutating func done(_ text: String) {
        var text = text
        let id = text.withUTF8 { ID(UnsafeRawBufferPointer($0)) }
        if id.low % parts == part { places[id] = Self.done }
    }

    func isLastWord(_ id: UnsafeRawBufferPointer, file: Int, offset: Int) -> Bool {
        guard let place = places[ID(id)], place != Self.done else { return false }
        return place & ~Self.end == Self.place(file, offset)
    }

    private static func place(_ file: Int, _ offset: Int) -> UInt64 { UInt64(file) << 32 | UInt64(offset) }
}
