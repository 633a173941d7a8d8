internal import FoundationEssentials

/// The steps of a rotation: a new version is added, then used, then the old one is dropped.
extension SecretFile {
    /// The progress of a rotation, read from the file alone, so that one that was killed can continue.
    package enum Stage: Equatable, Sendable {
        case atRest
        /// The newest version is in the file but not in use.
        case added
        /// The newest version is in use, and older ones are still held.
        case used
    }

    package var newest: Version { versions.max { $0.number < $1.number } ?? current }

    package var stage: Stage { versions.count == 1 ? .atRest : newest == current ? .used : .added }

    /// The file with a new random version before the current one.
    package func adding() -> SecretFile {
        let fresh = Version.random(number: newest.number + 1)
        return SecretFile(versions: versions.dropLast() + [fresh, current])
    }

    /// The file with the newest version in use.
    package func usingNewest() -> SecretFile { SecretFile(versions: versions.filter { $0 != newest } + [newest]) }

    /// The file with only the current version.
    package func keepingCurrent() -> SecretFile { SecretFile(versions: [current]) }

    package var text: String {
        versions.map { ($0.number > 0 ? "\($0.number):" : "") + $0.text + "\n" }.joined()
    }
}

extension SecretFile.Version {
    /// 32 random bytes, redrawn until their base64 can be part of a URL, which a password may need.
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
