import NIOCore
import NIOEmbedded
import NIOSSL
import TLS
import TestPeers

/// A session joined in memory to a server of another implementation (BoringSSL).
final class TestConnection {
    let session: TLSSession
    private let server = EmbeddedChannel()
    /// What the session decrypted, and whether the server announced the end.
    private(set) var received: [UInt8] = []
    private(set) var ended = false
    /// How many bytes reach the session at once.
    var pieceBytes = 16 << 10
    /// Changes bytes on their way to the session.
    var spoil: (inout [UInt8]) -> Void = { _ in }

    /// - Parameter clientAuthority: the server requires clients to have a certificate of this authority.
    init(
        _ session: TLSSession, to identity: TestAuthority.Pair, version: TLSVersion,
        clientAuthority: String? = nil
    ) throws {
        self.session = session
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(identity.certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: identity.key, format: .pem)))
        configuration.minimumTLSVersion = version
        configuration.maximumTLSVersion = version
        if let clientAuthority {
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .file(clientAuthority)
        }
        let context = try NIOSSLContext(configuration: configuration)
        try server.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
        server.connect(to: try SocketAddress(unixDomainSocketPath: "/none"), promise: nil)
    }

    /// Passes bytes between the two until neither has any.
    func exchange() throws {
        var isMoving = true
        while isMoving {
            if !session.isEstablished { _ = try session.handshake() }
            isMoving = false
            let sent = session.takeCiphertext()
            if !sent.isEmpty {
                isMoving = true
                try carry(sent)
            }
            while let answer = try server.readOutbound(as: ByteBuffer.self) {
                isMoving = true
                try deliver(Array(buffer: answer))
            }
        }
    }

    /// Gives bytes to the session, as if the server had sent them.
    func deliver(_ ciphertext: [UInt8]) throws {
        var bytes = ciphertext
        spoil(&bytes)
        var at = 0
        while at < bytes.count {
            let piece = bytes[at..<min(at + pieceBytes, bytes.count)]
            at += piece.count
            try piece.withUnsafeBytes { try session.receive($0) }
            if try session.handshake() { try read() }
        }
    }

    private func read() throws {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let outcome = try buffer.withUnsafeMutableBytes { try session.read(into: $0) }
            switch outcome {
            case .bytes(let count): received += buffer[..<count]
            case .nothing: return
            case .ended:
                ended = true
                return
            }
        }
    }

    /// Encrypts all of it and passes it to the server.
    func send(_ plaintext: [UInt8]) throws {
        var at = 0
        while at < plaintext.count {
            at += try plaintext[at...].withUnsafeBytes { try session.write($0) }
            try exchange()
        }
    }

    /// Passes ciphertext of the session to the server.
    func carry(_ ciphertext: [UInt8]) throws {
        _ = try? server.writeInbound(ByteBuffer(bytes: ciphertext))
        server.embeddedEventLoop.run()
    }

    /// Has the server send this.
    func answer(_ plaintext: [UInt8]) throws {
        server.writeAndFlush(ByteBuffer(bytes: plaintext), promise: nil)
        try exchange()
    }

    /// What the server has decrypted since the last call.
    func serverReceived() throws -> [UInt8] {
        var all: [UInt8] = []
        while let part = try server.readInbound(as: ByteBuffer.self) { all += Array(buffer: part) }
        return all
    }

    func endServer() throws {
        server.close(promise: nil)
        try exchange()
    }

    /// Whether the server's side is closed.
    var isServerClosed: Bool { !server.isActive }
}
