import Foundation
import Reactor
import ReactorRedis
import Redis
import TestPeers
import Testing

@Suite struct RedisPipeTests {
    private let closed = Notes<String>()

    /// A pipe to this peer, on a reactor of its own.
    private func pipe(to peer: RedisPeer, deadlineMs: Int64 = 600_000, replyBytesMax: Int = RedisPipe.replyBytesMax)
        throws
        -> OnLoop<RedisPipe>
    {
        let descriptor = try Socket.connect(host: "127.0.0.1", port: peer.port, timeoutMs: 10_000)
        return OnLoop { reactor in
            RedisPipe(
                RedisLink(descriptor: descriptor, tls: nil), on: reactor, deadlineMs: deadlineMs,
                readBuffer: .allocate(byteCount: 64 << 10, alignment: 64), replyBytesMax: replyBytesMax,
                onClose: { [closed] in closed.add("closed") })
        }
    }

    /// Calls with each word in one turn, and waits until all have an outcome.
    private func outcomes(_ words: [String], on pipe: OnLoop<RedisPipe>, patient: Bool = false) async -> [String] {
        let found = Notes<String>()
        return await pipe.ask { pipe, done in
            for word in words {
                pipe.call({ RedisCommand([word]).write(into: &$0) }, patient: patient) { result in
                    found.add(word + " " + Self.text(result))
                    if found.all.count == words.count { done(found.all) }
                }
            }
        }
    }

    private static func text(_ result: Result<RESPValue, RedisError>) -> String {
        switch result {
        case .success(let value): value.string ?? "\(value)"
        case .failure(let error): "\(error)"
        }
    }

    @Test("each call of a turn gets its own reply, patient ones too, in the order of the calls")
    func order() async throws {
        let peer = RedisPeer { .text("re " + $0.name) }
        let pipe = try pipe(to: peer)
        #expect(await outcomes(["a", "b", "c"], on: pipe) == ["a re a", "b re b", "c re c"])
        #expect(await outcomes(["d", "e"], on: pipe, patient: true) == ["d re d", "e re e"])
        #expect(peer.commands.map(\.name) == ["a", "b", "c", "d", "e"])
    }

    @Test("a call that expired drops its late reply: the next call gets its own")
    func late() async throws {
        let hold = DispatchSemaphore(value: 0)
        let peer = RedisPeer { command in
            if command.name == "slow" { hold.wait() }
            return .text("re " + command.name)
        }
        let pipe = try pipe(to: peer, deadlineMs: 300)
        #expect(await outcomes(["slow"], on: pipe) == ["slow \(RedisError.deadlineExceeded)"])
        hold.signal()
        // A patient one has a longer deadline.
        #expect(await outcomes(["next"], on: pipe, patient: true) == ["next re next"])
    }

    @Test(
        "when the connection breaks, calls in flight fail as lost, later ones are not sent, and the owner is told once")
    func broken() async throws {
        let peer = RedisPeer { $0.name == "b" ? .hangUp : .silence }
        let pipe = try pipe(to: peer)
        let lost = "\(RedisError.connectionLost)"
        #expect(await outcomes(["a", "b"], on: pipe) == ["a " + lost, "b " + lost])
        #expect(await outcomes(["c"], on: pipe) == ["c \(RedisError.notConnected)"])
        await pipe.run { $0.close() }
        #expect(closed.all == ["closed"])
        #expect(peer.commands.map(\.name) == ["a", "b"])
    }

    @Test("an error is the caller's; one of a replica also closes the connection, to find the new primary")
    func refused() async throws {
        let peer = RedisPeer { .error($0.name == "write" ? "READONLY replica" : "ERR no") }
        let pipe = try pipe(to: peer)
        #expect(await outcomes(["read"], on: pipe) == ["read \(RedisError.refused("ERR no"))"])
        #expect(closed.all.isEmpty)
        #expect(await outcomes(["write"], on: pipe) == ["write \(RedisError.refused("READONLY replica"))"])
        #expect(await pipe.run { _ in true } && closed.all == ["closed"])
    }

    @Test(
        "a reply nobody asked for, one that is no RESP and one that is too long close the connection",
        arguments: ["+a\r\n+b\r\n", "what\r\n", "$2000\r\n" + String(repeating: "x", count: 2_000) + "\r\n"])
    func malformed(reply: String) async throws {
        let peer = RedisPeer { _ in .raw(reply) }
        let pipe = try pipe(to: peer, replyBytesMax: 1_000)
        _ = await outcomes(["a"], on: pipe)
        #expect(await eventually { closed.all == ["closed"] })
    }
}
