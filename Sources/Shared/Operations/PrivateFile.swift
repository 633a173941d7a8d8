internal import FoundationEssentials
internal import Glibc

/// Writes files with secrets: readable only by their owner from the first byte on, and replaced atomically.
package enum PrivateFile {
    package struct WriteError: Error, CustomStringConvertible {
        let path: String
        let reason: String
        package var description: String { "cannot write \(path): \(reason)" }
    }

    /// Like `write(_:to:keepsOwner:)` for bytes, with the text's UTF-8.
    package static func write(_ text: String, to path: String, keepsOwner: Bool = false) throws(WriteError) {
        try write(Array(text.utf8), to: path, keepsOwner: keepsOwner)
    }

    /// Writes beside `path`, syncs, and renames: a crash leaves either the old file or the new one.
    ///
    /// - Parameter keepsOwner: when run as root, gives the new file the owner of the one it replaces.
    package static func write(_ bytes: [UInt8], to path: String, keepsOwner: Bool = false) throws(WriteError) {
        var before = stat()
        let hasOwner = keepsOwner && geteuid() == 0 && stat(path, &before) == 0
        let aside = path + ".new"
        // A file left by a crash may be readable by others.
        unlink(aside)
        let file = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw WriteError(path: path, reason: systemReason()) }
        let isOwned = !hasOwner || fchown(file, before.st_uid, before.st_gid) == 0
        let isWritten = isOwned && writeAll(bytes, to: file) && fsync(file) == 0
        let reason = systemReason()
        close(file)
        guard isWritten else {
            unlink(aside)
            throw WriteError(path: path, reason: reason)
        }
        guard rename(aside, path) == 0 else { throw WriteError(path: path, reason: systemReason()) }
        syncFolder(of: path)
    }

    /// Writes a secret file (`version:base64`, 32 random bytes) unless the file exists.
    package static func makeSecret(at path: String) throws(WriteError) {
        guard access(path, F_OK) != 0 else { return }
        var random = SystemRandomNumberGenerator()
        let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
        try write("1:\(Data(bytes).base64EncodedString())\n", to: path)
    }

    private static func writeAll(_ bytes: [UInt8], to file: Int32) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    /// Makes the rename durable. Some file systems cannot sync a folder; the file itself is safe either way.
    private static func syncFolder(of path: String) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        close(descriptor)
    }

    private static func systemReason() -> String { String(cString: strerror(errno)) }
}
