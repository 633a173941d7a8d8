package import KeyMaterial

extension SettingsReader {
    /// A password in a file that may be replaced while the process runs.
    ///
    /// - Parameter path: of a secret file, or of a file with a plain password; `nil` when the setting is not set.
    /// - Returns: `nil` without a path, and for a file that cannot be used, which is reported.
    package mutating func livePassword(at path: String?) -> LiveSecret? {
        do {
            return try path.map { try LiveSecret(path: $0, allowsPlainPassword: true) }
        } catch {
            report("\(error)")
            return nil
        }
    }
}
