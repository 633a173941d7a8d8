/// Reads the records of a segment's file.
package enum JournalReader {
    /// - Returns: the records in order, and how many damaged stretches were skipped. A torn end is not damage: reading
    ///   stops there.
    package static func records(in bytes: UnsafeRawBufferPointer) -> (records: [JournalRecord], damaged: Int) {
        var records: [JournalRecord] = []
        let damaged = scan(bytes) { payload, _ in
            if let record = JournalRecord(payload: payload) { records.append(record) }
            return true
        }.damaged
        return (records, damaged)
    }

    /// Visits the records without decoding them.
    ///
    /// - Parameters:
    ///   - start: the offset to continue at; `nil` for the beginning.
    ///   - body: gets a record's payload and the record's offset; returning false stops after it.
    /// - Returns: how many damaged stretches were skipped, and the offset to continue at: `nil` at the end.
    static func scan(
        _ bytes: UnsafeRawBufferPointer, from start: Int? = nil, _ body: (UnsafeRawBufferPointer, Int) -> Bool
    ) -> (damaged: Int, next: Int?) {
        guard bytes.count >= JournalSegment.magic.count,
            bytes.prefix(JournalSegment.magic.count).elementsEqual(JournalSegment.magic)
        else { return (0, nil) }
        var damaged = 0
        var at = start ?? JournalSegment.magic.count
        var isLost = false
        while at + JournalRecord.headerBytes <= bytes.count {
            guard let payload = payload(in: bytes, at: at) else {
                // Damage, or the end: it is damage only if another valid record follows.
                isLost = true
                at += 8
                continue
            }
            let place = at
            at += (JournalRecord.headerBytes + payload.count + 7) & ~7
            if isLost { damaged += 1 }
            isLost = false
            if !body(payload, place) { return (damaged, at) }
        }
        return (damaged, nil)
    }

    private static func payload(in bytes: UnsafeRawBufferPointer, at: Int) -> UnsafeRawBufferPointer? {
        func word(_ offset: Int) -> UInt32 {
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at + offset, as: UInt32.self))
        }
        guard word(0) == JournalRecord.marker else { return nil }
        let length = Int(word(4))
        guard length <= JournalRecord.payloadBytesMax, length <= bytes.count - at - JournalRecord.headerBytes else {
            return nil
        }
        let start = at + JournalRecord.headerBytes
        let payload = UnsafeRawBufferPointer(rebasing: bytes[start..<start + length])
        let checksum = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self))
        guard JournalRecord.checksum(payload) == checksum, JournalRecord.head(of: payload) != nil else { return nil }
        return payload
    }
}
