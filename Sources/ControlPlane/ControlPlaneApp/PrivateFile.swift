internal import FoundationEssentials

/// Files with secrets in them: readable by their owner alone, from the first byte on.
package enum PrivateFile {
    package struct Flaw: Error, CustomStringConvertible {
        let path: String
        package var description: String { "cannot write \(path)" }
    }

    package static func write(_ text: String, to path: String) throws {
        let aside = path + ".new"
        guard
            FileManager.default.createFile(
                atPath: aside, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw Flaw(path: path) }
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: aside, toPath: path)
    }

    /// Writes a secret file (`version:base64`, 32 random bytes) unless one stands there.
    package static func makeSecret(at path: String) throws {
        guard !FileManager.default.fileExists(atPath: path) else { return }
        var random = SystemRandomNumberGenerator()
        let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
        try write("1:\(Data(bytes).base64EncodedString())\n", to: path)
    }
}
