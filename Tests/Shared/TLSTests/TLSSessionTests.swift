import Foundation
import Glibc
import NIOSSL
import TLS
import TestPeers
import Testing

private let modern: [TLSVersion] = [.tlsv12, .tlsv13]

@Suite struct TLSSessionTests {
    private let authority: TestAuthority
    private let identity: TestAuthority.Pair

    init() throws {
        authority = try TestAuthority()
        identity = try authority.issue("server")
    }

    private func connection(
        host: String = "redis.test", _ version: TLSVersion = .tlsv13, files: TLSClientFiles? = nil,
        to other: TestAuthority.Pair? = nil, clientAuthority: String? = nil
    ) throws -> TestConnection {
        let client = TLSClient(files ?? TLSClientFiles(authorities: authority.certificate))
        return try TestConnection(
            client.session(for: host), to: other ?? identity, version: version,
            clientAuthority: clientAuthority)
    }

    private static let text = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

    @Test("passes data both ways, however its records are cut", arguments: modern, [1, 2, 7, 4096])
    func cut(version: TLSVersion, pieceBytes: Int) throws {
        let connection = try connection(version)
        connection.pieceBytes = pieceBytes
        try connection.exchange()
        #expect(connection.session.isEstablished)
        try connection.send(Self.text)
        #expect(try connection.serverReceived() == Self.text)
        try connection.answer(Self.text)
        #expect(connection.received == Self.text)
    }

    @Test("verifies names and addresses", arguments: ["redis.test", "127.0.0.1"])
    func verifies(host: String) throws {
        let connection = try connection(host: host)
        try connection.exchange()
        #expect(connection.session.isEstablished)
    }

    private func isRefused(_ connection: TestConnection, for reason: String) throws {
        #expect(throws: TLSError.untrusted(reason: reason)) { try connection.exchange() }
        #expect(!connection.session.isEstablished)
        _ = connection.session.takeCiphertext()
        #expect(try Self.text.withUnsafeBytes { try connection.session.write($0) } == 0)
        #expect(connection.session.takeCiphertext().isEmpty, "nothing is sent to a server that is not verified")
    }

    @Test("refuses a certificate for another name", arguments: ["other.test", "edis.test", "a.redis.test"], modern)
    func otherName(host: String, version: TLSVersion) throws {
        try isRefused(connection(host: host, version), for: "hostname mismatch")
    }

    @Test("refuses a certificate for another address")
    func otherAddress() throws { try isRefused(connection(host: "127.0.0.2"), for: "IP address mismatch") }

    @Test("refuses a certificate that names the host as its subject only")
    func subjectOnly() throws {
        try isRefused(connection(to: authority.issue("bare", alternative: nil)), for: "hostname mismatch")
    }

    @Test("refuses a certificate of another authority", arguments: modern)
    func otherAuthority(version: TLSVersion) throws {
        let other = try TestAuthority()
        try isRefused(connection(version, to: other.issue("server")), for: "unable to get local issuer certificate")
    }

    @Test("without a file, trusts what the system trusts")
    func systemTrust() throws {
        try isRefused(connection(files: TLSClientFiles()), for: "unable to get local issuer certificate")
    }

    @Test("refuses a certificate that has expired", arguments: modern)
    func expired(version: TLSVersion) throws {
        try isRefused(connection(version, to: authority.issue("old", days: -1)), for: "certificate has expired")
    }

    @Test("refuses TLS 1.0 and 1.1", arguments: [TLSVersion.tlsv1, .tlsv11])
    func old(version: TLSVersion) throws {
        let connection = try connection(version)
        #expect(throws: TLSError.self) { try connection.exchange() }
        #expect(!connection.session.isEstablished)
    }

    @Test("tells a server without TLS")
    func plain() throws {
        let connection = try connection()
        _ = try connection.session.handshake()
        #expect(throws: TLSError.notTLS) { try connection.deliver(Array("-ERR unknown command\r\n".utf8)) }
    }

    @Test("writes nothing before the handshake is complete")
    func early() throws {
        let session = try connection().session
        #expect(try Self.text.withUnsafeBytes { try session.write($0) } == 0)
        #expect(session.takeCiphertext().isEmpty)
    }

    @Test("refuses a record that was changed", arguments: modern)
    func changed(version: TLSVersion) throws {
        let connection = try connection(version)
        try connection.exchange()
        connection.spoil = { $0[$0.count - 1] ^= 1 }
        #expect(throws: TLSError.self) { try connection.answer(Array("+OK\r\n".utf8)) }
        #expect(connection.received.isEmpty)
    }

    @Test("says and hears when a connection ends", arguments: modern)
    func ends(version: TLSVersion) throws {
        let first = try connection(version)
        try first.exchange()
        first.session.end()
        try first.exchange()
        #expect(first.isServerClosed)
        let second = try connection(version)
        try second.exchange()
        try second.endServer()
        #expect(second.ended)
    }

    @Test("bounds what waits to be decrypted, and what waits to be sent")
    func bounded() throws {
        let connection = try connection()
        try connection.exchange()
        let session = connection.session
        // The head of a record whose rest never comes.
        let head: [UInt8] = [0x17, 3, 3, 0x40, 0]
        try head.withUnsafeBytes { try session.receive($0) }
        let many = [UInt8](repeating: 0, count: TLSSession.ciphertextBytesMax)
        #expect(throws: TLSError.bufferFull) { try many.withUnsafeBytes { try session.receive($0) } }
        while try Self.text.withUnsafeBytes({ try session.write($0) }) > 0 {}
        #expect((1...TLSSession.ciphertextBytesMax).contains(session.takeCiphertext().count))
    }
}

@Suite struct TLSClientTests {
    private let authority: TestAuthority
    private let server: TestAuthority.Pair
    private let client: TestAuthority.Pair

    init() throws {
        authority = try TestAuthority()
        server = try authority.issue("server")
        client = try authority.issue("client")
    }

    private func exchange(_ files: TLSClientFiles, _ version: TLSVersion) throws {
        let session = try TLSClient(files).session(for: "redis.test")
        let connection = try TestConnection(
            session, to: server, version: version, clientAuthority: authority.certificate)
        try connection.exchange()
        try connection.send([1])
        try #require(try connection.serverReceived() == [1])
    }

    @Test("presents its certificate to a server that asks for one", arguments: modern)
    func presents(version: TLSVersion) throws {
        try exchange(
            TLSClientFiles(authorities: authority.certificate, certificate: client.certificate, key: client.key),
            version)
        #expect(throws: TLSError.self) { try exchange(TLSClientFiles(authorities: authority.certificate), version) }
    }

    @Test("reads files again once they have changed, and has no session without them")
    func reads() throws {
        let shown = authority.path("shown.crt")
        let other = try TestAuthority()
        let tls = TLSClient(TLSClientFiles(authorities: shown))
        func show(_ path: String) throws {
            try FileManager.default.copyItem(atPath: path, toPath: shown + ".next")
            try #require(rename(shown + ".next", shown) == 0)
        }
        func isAccepted() throws -> Bool {
            let connection = try TestConnection(tls.session(for: "redis.test"), to: server, version: .tlsv13)
            try? connection.exchange()
            return connection.session.isEstablished
        }
        #expect(throws: TLSError.unusableFile(path: shown, reason: "No such file or directory")) {
            _ = try tls.session(for: "redis.test")
        }
        try FileManager.default.copyItem(atPath: other.certificate, toPath: shown)
        #expect(try !isAccepted())
        try show(authority.certificate)
        #expect(try isAccepted())
        try show(other.certificate)
        #expect(try !isAccepted())
    }

    @Test("names a file that cannot be used")
    func unusable() throws {
        func problem(_ certificate: String?, _ key: String?) -> String? {
            TLSClient(TLSClientFiles(authorities: authority.certificate, certificate: certificate, key: key))
                .problem(isUsed: true)
        }
        #expect(problem(client.certificate, client.key) == nil)
        #expect(problem(client.certificate, server.key)?.hasPrefix(server.key) == true)
        #expect(problem(client.key, client.key)?.hasPrefix(client.key) == true)
        #expect(problem(client.certificate, nil)?.contains("belong together") == true)
        let sealed = try authority.encrypt(client.key)
        #expect(problem(client.certificate, sealed)?.hasPrefix(sealed) == true, "and no password is asked for")
        let unused = TLSClient(TLSClientFiles(authorities: authority.certificate)).problem(isUsed: false)
        #expect(unused?.contains("rediss://") == true)
        #expect(TLSClient().problem(isUsed: false) == nil)
    }
}
