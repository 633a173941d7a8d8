internal import FoundationEssentials
internal import Glibc

/// Files with secrets in them: readable by their owner alone, from the first byte on, and whole or not there at all.
package enum PrivateFile {
    package struct Flaw: Error, CustomStringConvertible {
        let path: String
        let reason: String
        package var description: String { "cannot write \(path): \(reason)" }
    }

    package static func write(_ text: String, to path: String, keepsOwner: Bool = false) throws(Flaw) {
        try write(Array(text.utf8), to: path, keepsOwner: keepsOwner)
    }

    /// Written beside `path`, synced, and put in its place: a crash leaves the old file or the new one.
    ///
    /// - Parameter keepsOwner: the file belongs to whom the one it replaces belongs to, should root write it.
    package static func write(_ bytes: [UInt8], to path: String, keepsOwner: Bool = false) throws(Flaw) {
        var before = stat()
        let hasOwner = keepsOwner && geteuid() == 0 && stat(path, &before) == 0
        let aside = path + ".new"
        // What a crash left behind may be open to others.
        unlink(aside)
        let file = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Flaw(path: path, reason: systemReason()) }
        let isOwned = !hasOwner || fchown(file, before.st_uid, before.st_gid) == 0
        let isWritten = isOwned && writeAll(bytes, to: file) && fsync(file) == 0
        let reason = systemReason()
        close(file)
        guard isWritten else {
            unlink(aside)
            throw Flaw(path: path, reason: reason)
        }
        guard rename(aside, path) == 0 else { throw Flaw(path: path, reason: systemReason()) }
        syncFolder(of: path)
    }

    /// Writes a secret file (`version:base64`, 32 random bytes) unless one stands there.
    package static func makeSecret(at path: String) throws(Flaw) {
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

    /// The new name is on disk only once its folder is. Some file systems cannot sync one; the file itself is safe either way.
    private static func syncFolder(of path: String) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        close(descriptor)
    }

    private static func systemReason() -> String { String(cString: strerror(errno)) }
}
