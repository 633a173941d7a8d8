internal import FoundationEssentials

/// How a file changes while its secret is replaced: the new version is added, then used, then the old one is dropped.
extension SecretFile {
    /// How far a replacement has come, read from the file alone: a rotation that was killed goes on from here.
    package enum Stage: Equatable, Sendable {
        case atRest
        /// The newest version is in the file and not in use.
        case added
        /// It is in use, and older ones are still held.
        case used
    }

    package var newest: Version { versions.max { $0.number < $1.number } ?? current }

    package var stage: Stage { versions.count == 1 ? .atRest : newest == current ? .used : .added }

    /// With a new random version before the one in use.
    package func adding() -> SecretFile {
        let fresh = Version.random(number: newest.number + 1)
        return SecretFile(versions: versions.dropLast() + [fresh, current])
    }

    /// With the newest version in use.
    package func usingNewest() -> SecretFile { SecretFile(versions: versions.filter { $0 != newest } + [newest]) }

    /// The version in use alone.
    package func keepingCurrent() -> SecretFile { SecretFile(versions: [current]) }

    package var text: String {
        versions.map { ($0.number > 0 ? "\($0.number):" : "") + $0.text + "\n" }.joined()
    }
}

extension SecretFile.Version {
    /// 32 random bytes, of which one in four draws is taken: those whose base64 may stand in a URL, should it be a password.
    package static func random(number: Int) -> SecretFile.Version {
        var random = SystemRandomNumberGenerator()
        while true {
            let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
            let version = SecretFile.Version(number: number, bytes: bytes)
            if !version.text.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "+") }) {
                return version
            }
        }
    }
}
