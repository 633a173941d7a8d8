internal import Crypto
internal import FoundationEssentials
package import GatewayModel

/// A file of versioned 32-byte secrets, one `version:base64` per line.
///
/// The last line is in use; the others still open what was made under them. Pepper, seal key, KEK, audit key and the
/// Redis passwords each have such a file. During a rotation, the new version stands before the last line until every
/// process holds it.
package struct SecretFile: Sendable, Equatable {
    package struct Version: Sendable, Equatable {
        /// 0 for a password on a line without a version.
        package let number: Int
        package let bytes: [UInt8]

        package init(number: Int, bytes: [UInt8]) {
            self.number = number
            self.bytes = bytes
        }

        /// Version and fingerprint, which tells apart two files that both have a version 1.
        ///
        /// A plain password has no fingerprint, since a short one could be guessed from it.
        package var name: String {
            guard number > 0 else { return "0" }
            let code = HMAC<SHA256>.authenticationCode(
                for: Array("aihub/secret-name".utf8), using: SymmetricKey(data: bytes))
            return "\(number).\(Hex.encode(code.prefix(8)))"
        }

        /// The secret as a password.
        package var password: Secret { Secret(text) }

        var text: String {
            number > 0 ? Data(bytes).base64EncodedString() : String(decoding: bytes, as: UTF8.self)
        }
    }

    package enum ReadError: Error, CustomStringConvertible {
        case unreadable(path: String, reason: String)
        case malformed(path: String, line: Int)
        case tooManyVersions(path: String, max: Int)

        package var description: String {
            switch self {
            case .unreadable(let path, let reason): "cannot read the secret file \(path): \(reason)"
            case .malformed(let path, let line):
                "\(path) line \(line): a secret file holds lines of `version:base64`, 32 bytes each"
            case .tooManyVersions(let path, let max): "\(path) holds more than \(max) versions"
            }
        }
    }

    /// Never empty; the last one is in use.
    package let versions: [Version]

    package var current: Version { versions[versions.count - 1] }
    /// The version with this number; `nil` when the file does not hold it.
    package func version(_ number: Int) -> Version? { versions.first { $0.number == number } }

    /// - Precondition: `versions` is not empty.
    package init(versions: [Version]) {
        precondition(!versions.isEmpty, "a secret file holds at least one version")
        self.versions = versions
    }

    /// - Parameters:
    ///   - versionsMax: a file with more versions is refused.
    ///   - allowsPlainPassword: whether a line may be a password without a version.
    package init(path: String, versionsMax: Int = .max, allowsPlainPassword: Bool = false) throws {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw ReadError.unreadable(path: path, reason: "\(error)")
        }
        var found: [Version] = []
        for (at, line) in text.split(separator: "\n").enumerated() {
            guard let version = Self.version(line, allowsPlainPassword: allowsPlainPassword) else {
                throw ReadError.malformed(path: path, line: at + 1)
            }
            found.append(version)
        }
        guard !found.isEmpty else { throw ReadError.malformed(path: path, line: 1) }
        guard found.count <= versionsMax else { throw ReadError.tooManyVersions(path: path, max: versionsMax) }
        versions = found
    }

    private static func version(_ line: Substring, allowsPlainPassword: Bool) -> Version? {
        let parts = line.split(separator: ":", maxSplits: 1)
        if parts.count == 2, let number = Int(parts[0]), let data = Data(base64Encoded: String(parts[1])),
            data.count == 32
        {
            return Version(number: number, bytes: Array(data))
        }
        return allowsPlainPassword ? Version(number: 0, bytes: Array(line.utf8)) : nil
    }
}
