internal import FoundationEssentials

/// A file of versioned 32-byte secrets: one `version:base64` a line, newest last. Pepper, seal key and KEK each have one.
///
/// Two versions may overlap while a secret is being replaced.
package struct SecretFile: Sendable {
    package struct Version: Sendable {
        package let number: Int
        package let bytes: [UInt8]
    }

    package enum Flaw: Error, CustomStringConvertible {
        case unreadable(path: String, reason: String)
        case malformed(path: String, line: Int)

        package var description: String {
            switch self {
            case .unreadable(let path, let reason): "cannot read the secret file \(path): \(reason)"
            case .malformed(let path, let line):
                "\(path) line \(line): a secret file holds lines of `version:base64`, 32 bytes each"
            }
        }
    }

    /// Oldest first, never empty.
    package let versions: [Version]

    package var newest: Version { versions[versions.count - 1] }
    package func version(_ number: Int) -> Version? { versions.first { $0.number == number } }

    package init(versions: [Version]) {
        precondition(!versions.isEmpty, "a secret file holds at least one version")
        self.versions = versions
    }

    package init(path: String) throws {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw Flaw.unreadable(path: path, reason: "\(error)")
        }
        var found: [Version] = []
        for (at, line) in text.split(separator: "\n").enumerated() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let number = Int(parts[0]), let data = Data(base64Encoded: String(parts[1])),
                data.count == 32
            else { throw Flaw.malformed(path: path, line: at + 1) }
            found.append(Version(number: number, bytes: Array(data)))
        }
        guard !found.isEmpty else { throw Flaw.malformed(path: path, line: 1) }
        versions = found
    }
}
