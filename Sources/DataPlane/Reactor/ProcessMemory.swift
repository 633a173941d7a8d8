internal import CLinux
internal import Glibc

/// The memory of this process, as the kernel and the allocator see it.
package enum ProcessMemory {
    private static let pageBytes = sysconf(Int32(_SC_PAGESIZE))

    /// Resident bytes that are not backed by files (proc(5), `statm`: resident less shared).
    ///
    /// Pages of mapped files, such as the journal's, do not count: the kernel reclaims them when it needs room.
    package static var residentBytes: Int {
        var buffer = [UInt8](repeating: 0, count: 256)
        let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return 0 }
        let pages = buffer[..<count].split(separator: UInt8(ascii: " ")).prefix(3).map {
            Int(String(decoding: $0, as: UTF8.self)) ?? 0
        }
        return pages.count == 3 ? (pages[1] - pages[2]) * pageBytes : 0
    }

    /// Returns free memory of the allocator to the kernel (malloc_trim(3)). Takes milliseconds.
    package static func trimAllocator() { malloc_trim(0) }
}
