internal import Glibc

/// One file of the journal, mapped into memory. A record is written by copying it there.
///
/// The copy survives the death of the process (it is in the page cache), costs no system call, and cannot fail on a
/// full disk, because the space was allocated beforehand.
package final class JournalSegment: @unchecked Sendable {
    package enum Failure: Error, Equatable { case system(call: String, errno: Int32) }

    package static let magic: [UInt8] = Array("AIHUBJ03".utf8)

    package let path: String
    private let descriptor: Int32
    private let base: UnsafeMutableRawPointer
    private let size: Int
    /// Where the next record goes. Used only by the loop that writes.
    private var end = JournalSegment.magic.count

    /// Creates the file with all its space allocated.
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

    /// Appends a record. Returns false, and writes nothing, when it does not fit.
    func append(_ record: JournalRecord) -> Bool {
        let bytes = record.bytes
        guard bytes <= size - end, record.payloadBytes <= JournalRecord.payloadBytesMax else { return false }
        record.write(to: base + end)
        end += bytes
        return true
    }

    /// Syncs what was written to the disk, against a power failure. Blocks: not for an event loop.
    package func sync() { fdatasync(descriptor) }

    /// Unlinks the file. The mapping stays usable until the segment is released.
    package func remove() { unlink(path) }
}
