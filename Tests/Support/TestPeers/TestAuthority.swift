package import Foundation

/// A certificate authority in a folder of its own, made with the `openssl` command.
package final class TestAuthority: Sendable {
    package struct Pair {
        package var certificate: String
        package var key: String

        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    struct CommandFailed: Error {
        var arguments: [String]
    }

    package let folder: URL
    package var certificate: String { path("ca.crt") }

    package init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try openssl(["req", "-x509", "-days", "2", "-out", path("ca.crt")] + Self.request("ca", path("ca.key")))
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    package func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// A certificate that this authority vouches for, and its key.
    ///
    /// - Parameter alternative: its subject alternative names, such as `DNS:redis.test`; `nil` for none.
    package func issue(_ name: String, alternative: String? = "DNS:redis.test,IP:127.0.0.1", days: Int = 2) throws
        -> Pair
    {
        let pair = Pair(certificate: path("\(name).crt"), key: path("\(name).key"))
        try openssl(["req", "-out", path("\(name).csr")] + Self.request("redis.test", pair.key))
        let text = alternative.map { "subjectAltName=\($0)\n" } ?? "basicConstraints=CA:FALSE\n"
        try text.write(toFile: path("\(name).ext"), atomically: true, encoding: .utf8)
        try openssl([
            "x509", "-req", "-in", path("\(name).csr"), "-CA", certificate, "-CAkey", path("ca.key"), "-days",
            String(days), "-extfile", path("\(name).ext"), "-out", pair.certificate,
        ])
        return pair
    }

    /// Encrypts a key under a password.
    package func encrypt(_ key: String) throws -> String {
        try openssl(["pkey", "-in", key, "-aes256", "-passout", "pass:hush", "-out", key + ".sealed"])
        return key + ".sealed"
    }

    private static func request(_ subject: String, _ key: String) -> [String] {
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(subject)", "-keyout", key]
    }

    private func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CommandFailed(arguments: arguments) }
    }
}
