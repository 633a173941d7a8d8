internal import Glibc

/// One file of the journal, mapped into memory: a record is written by copying it there. What is copied survives the death of
/// the process (the page cache has it), costs no system call, and cannot block on a full disk: the room was taken beforehand.
package final class JournalSegment: @unchecked Sendable {
    package enum Failure: Error, Equatable { case system(call: String, errno: Int32) }

    package static let magic: [UInt8] = Array("AIHUBJ03".utf8)

    package let path: String
    private let descriptor: Int32
    private let base: UnsafeMutableRawPointer
    private let size: Int
    /// Where the next record goes. Touched by the one loop that writes.
    private var end = JournalSegment.magic.count

    /// Makes the file with all its room taken.
    package init(path: String, size: Int) throws(Failure) {
        self.path = path
        self.size = size
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system(call: "open", errno: errno) }
        let lack = posix_fallocate(descriptor, 0, off_t(size))
        guard lack == 0 else {
            unlink(path)
            close(descriptor)
            throw .system(call: "posix_fallocate", errno: lack)
        }
        guard let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), mapped != MAP_FAILED
        else {
            let reason = errno
            unlink(path)
            close(descriptor)
            throw .system(call: "mmap", errno: reason)
        }
        base = mapped
        base.copyMemory(from: Self.magic, byteCount: Self.magic.count)
    }

    deinit {
        munmap(base, size)
        close(descriptor)
    }

    /// Returns false, and writes nothing, when there is no room left.
    func append(_ record: JournalRecord) -> Bool {
        let bytes = record.bytes
        guard bytes <= size - end, record.payloadBytes <= JournalRecord.payloadBytesMax else { return false }
        record.write(to: base + end)
        end += bytes
        return true
    }

    /// Brings what was written to the disk, for the case of a power cut. Blocks; not for an event loop.
    package func sync() { fdatasync(descriptor) }

    package func remove() { unlink(path) }
}

/// What a segment holds, read from its file.
package enum JournalReader {
    /// - Returns: the records in their order, and how many places were damaged. A torn end is no damage: there it stops.
    package static func records(in bytes: UnsafeRawBufferPointer) -> (records: [JournalRecord], damaged: Int) {
        guard bytes.count >= JournalSegment.magic.count,
            bytes.prefix(JournalSegment.magic.count).elementsEqual(JournalSegment.magic)
        else { return ([], 0) }
        var records: [JournalRecord] = []
        var damaged = 0
        var at = JournalSegment.magic.count
        var isLost = false
        while at + JournalRecord.headerBytes <= bytes.count {
            if let (record, length) = record(in: bytes, at: at) {
                records.append(record)
                at += length
                if isLost { damaged += 1 }
                isLost = false
            } else {
                // Damaged, or the end: the next good record, if there is one, says which.
                isLost = true
                at += 8
            }
        }
        return (records, damaged)
    }

    private static func record(in bytes: UnsafeRawBufferPointer, at: Int) -> (JournalRecord, Int)? {
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
        guard JournalRecord.checksum(payload) == checksum, let record = JournalRecord(payload: payload) else {
            return nil
        }
        return (record, (JournalRecord.headerBytes + length + 7) & ~7)
    }
}
