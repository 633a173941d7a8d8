internal import Synchronization

/// A secret file that is reread while the process runs. If that fails, the last valid content stays in use.
package final class LiveSecret: Sendable {
    private let path: String
    private let versionsMax: Int
    private let allowsPlainPassword: Bool
    private let state: Mutex<SecretFile>

    /// - Parameters: as for `SecretFile.init(path:versionsMax:allowsPlainPassword:)`.
    /// - Throws: `SecretFile.ReadError` when the file cannot be used at the start.
    package init(path: String, versionsMax: Int = .max, allowsPlainPassword: Bool = false) throws {
        self.path = path
        self.versionsMax = versionsMax
        self.allowsPlainPassword = allowsPlainPassword
        state = Mutex(try SecretFile(path: path, versionsMax: versionsMax, allowsPlainPassword: allowsPlainPassword))
    }

    package var file: SecretFile { state.withLock { $0 } }

    /// Rereads the file and returns its new content.
    @discardableResult
    package func refresh() throws -> SecretFile {
        let found = try SecretFile(path: path, versionsMax: versionsMax, allowsPlainPassword: allowsPlainPassword)
        state.withLock { $0 = found }
        return found
    }

    /// Rereads all files and returns their errors in one line, empty if there are none.
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
