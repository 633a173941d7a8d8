internal import Synchronization

/// A secret file that is read again while the process runs. What cannot be read or parsed changes nothing: the last good content stays.
package final class LiveSecret: Sendable {
    private let path: String
    private let versionsMax: Int
    private let takesPlain: Bool
    private let state: Mutex<SecretFile>

    package init(path: String, versionsMax: Int = .max, takesPlain: Bool = false) throws {
        self.path = path
        self.versionsMax = versionsMax
        self.takesPlain = takesPlain
        state = Mutex(try SecretFile(path: path, versionsMax: versionsMax, takesPlain: takesPlain))
    }

    package var file: SecretFile { state.withLock { $0 } }

    /// Reads the file and returns what is in force from now on.
    @discardableResult
    package func refresh() throws -> SecretFile {
        let found = try SecretFile(path: path, versionsMax: versionsMax, takesPlain: takesPlain)
        state.withLock { $0 = found }
        return found
    }

    /// Reads the files of all and returns what is wrong with them, in one line; empty when nothing is.
    package static func refresh(_ secrets: [LiveSecret?]) -> String {
        secrets.compactMap { secret -> String? in
            do {
                try secret?.refresh()
                return nil
            } catch {
                return "\(error)"
            }
        }.joined(separator: "; ")
    }
}
