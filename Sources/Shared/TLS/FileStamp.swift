internal import Glibc

/// Identifies a file's version, following links: mounted secrets are replaced by switching a link.
package struct FileStamp: Equatable, Sendable {
    private var device: UInt = 0
    private var inode: UInt = 0
    private var size = 0
    private var seconds = 0
    private var nanoseconds = 0

    /// All zero if there is no such file.
    package init(_ path: String) {
        var found = stat()
        guard stat(path, &found) == 0 else { return }
        device = UInt(found.st_dev)
        inode = UInt(found.st_ino)
        size = Int(found.st_size)
        seconds = found.st_mtim.tv_sec
        nanoseconds = found.st_mtim.tv_nsec
    }
}
