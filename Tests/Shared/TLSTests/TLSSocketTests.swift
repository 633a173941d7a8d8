import Glibc
import NIOSSL
import Reactor
import TLS
import TestPeers
import Testing

/// The TLS of a socket whose other end reads little by little.
@Suite final class TLSSocketTests {
    private let server: TestConnection
    private let socket: TLSSocket
    private let descriptor: Int32
    private let farEnd: Int32
    private static let text = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

    init() throws {
        let authority = try TestAuthority()
        let session = try TLSClient(TLSClientFiles(authorities: authority.certificate)).session(for: "redis.test")
        server = try TestConnection(session, to: try authority.issue("server"), version: .tlsv13)
        try server.exchange()
        var pair: [Int32] = [-1, -1]
        try #require(
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &pair) == 0)
        (descriptor, farEnd) = (pair[0], pair[1])
        var bytes: Int32 = 4096
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
        socket = TLSSocket(descriptor, session)
    }

    deinit {
        Socket.close(descriptor)
        Socket.close(farEnd)
    }

    /// Passes the server what has arrived at the far end, at most so many bytes; false if there was nothing.
    private func carry(_ bytesMax: Int = .max) throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: min(bytesMax, 64 << 10))
        let count = recv(farEnd, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        try server.carry(Array(buffer[..<count]))
        return true
    }

    @Test("counts what has left, and sends each byte once, in order")
    func sends() throws {
        var left = Self.text
        var blocked = 0
        var arrived: [UInt8] = []
        while !left.isEmpty {
            switch left.withUnsafeBytes({ socket.send($0) }) {
            case .bytes(let count): left.removeFirst(count)
            case .wouldBlock:
                blocked += 1
                #expect(try carry(1_000))
            case .ended: throw socket.failure ?? .endedInHandshake
            }
            arrived += try server.serverReceived()
        }
        while try carry() { arrived += try server.serverReceived() }
        #expect(arrived == Self.text)
        #expect(blocked > 0, "the socket never blocked: nothing was shown")
    }

    @Test("announces the end")
    func ends() throws {
        socket.end()
        while try carry() {}
        #expect(server.isServerClosed)
    }

    @Test("a handshake that gets no answer is over in time, one that is cut off at once", arguments: [true, false])
    func handshakes(isMute: Bool) throws {
        let authority = try TestAuthority()
        let client = TLSClient(TLSClientFiles(authorities: authority.certificate))
        let fresh = TLSSocket(descriptor, try client.session(for: "redis.test"))
        if !isMute { Socket.finishWriting(farEnd) }
        #expect(throws: isMute ? TLSError.handshakeTimeout : .endedInHandshake) {
            try fresh.handshake(untilMs: Reactor.clockMs() + (isMute ? 50 : 60_000))
        }
    }
}
