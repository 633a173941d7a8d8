import Foundation
import Glibc
import NIOPosix
import Reactor
import TLS
import TLSFront
import TestPeers
import Testing

@Suite struct TLSFrontTests {
    private let authority: TestAuthority
    private let identity: TLSIdentity
    private let adopted = Notes<Int32>()
    private let ended = Notes<Int>()

    init() throws {
        authority = try TestAuthority()
        let pair = try authority.issue("served")
        identity = try TLSIdentity(certificateFile: pair.certificate, keyFile: pair.key)
    }

    /// A front that has accepted one connection, and the client's end of it.
    private func accepted(handshakeMs: Int64 = 60_000) throws -> (front: TLSFront, client: Int32) {
        let listener = try Socket.listen(host: "127.0.0.1", port: 0, backlog: 1)
        defer { Socket.close(listener) }
        let client = try Socket.connect(host: "127.0.0.1", port: Socket.localPort(of: listener), timeoutMs: 60_000)
        _ = Socket.wait(listener, writable: false, timeoutMs: 60_000)
        let front = TLSFront(
            identity: identity, deadlines: .init(handshakeMs: handshakeMs, lastBytesMs: 60_000),
            group: MultiThreadedEventLoopGroup.singleton)
        front.serve(
            accept(listener, nil, nil), adopt: { [adopted] in adopted.add($0) }, ended: { [ended] in ended.add(1) })
        return (front, client)
    }

    private func connected(_ client: Int32) throws -> TLSSocket {
        let trusting = TLSClient(TLSClientFiles(authorities: authority.certificate))
        let tls = TLSSocket(client, try trusting.session(for: "127.0.0.1"))
        try tls.handshake(untilMs: Reactor.clockMs() + 60_000)
        return tls
    }

    /// What the client reads next; `nil` at the end.
    private func read(_ client: Int32, _ tls: TLSSocket) -> String? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            if case .bytes(let count) = tls.read(into: buffer) {
                return String(decoding: buffer[..<count], as: UTF8.self)
            }
            guard Socket.wait(client, writable: false, timeoutMs: 60_000) else { return nil }
            switch Socket.receive(client, into: buffer) {
            case .bytes(let count): tls.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            case .wouldBlock: continue
            case .ended: return nil
            }
        }
    }

    @Test("after the handshake the inside gets plain bytes both ways, and its end is the client's")
    func joined() async throws {
        let (front, client) = try accepted()
        let tls = try connected(client)
        #expect(await eventually { adopted.all.count == 1 })
        let inside = adopted.all[0]
        #expect(front.open == 1)
        _ = Array("ping".utf8).withUnsafeBytes { tls.send($0) }
        #expect(Socket.wait(inside, writable: false, timeoutMs: 60_000))
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(recv(inside, &buffer, 16, 0) == 4 && buffer.starts(with: Array("ping".utf8)))
        #expect(send(inside, "pong", 4, Int32(MSG_NOSIGNAL)) == 4)
        #expect(read(client, tls) == "pong")
        Socket.close(inside)
        #expect(read(client, tls) == nil)
        Socket.close(client)
        #expect(await eventually { front.open == 0 && !ended.all.isEmpty })
    }

    @Test("a client that does not finish its handshake in time is closed, and nothing inside ever hears of it")
    func silent() async throws {
        let (front, client) = try accepted(handshakeMs: 20)
        #expect(await eventually { !ended.all.isEmpty })
        #expect(adopted.all.isEmpty && front.open == 0)
        Socket.close(client)
    }

    @Test("bytes that are no TLS end the connection")
    func noise() async throws {
        let (_, client) = try accepted()
        #expect(send(client, "GET / HTTP/1.1\r\n\r\n", 18, Int32(MSG_NOSIGNAL)) == 18)
        #expect(await eventually { !ended.all.isEmpty })
        #expect(adopted.all.isEmpty)
        Socket.close(client)
    }
}
