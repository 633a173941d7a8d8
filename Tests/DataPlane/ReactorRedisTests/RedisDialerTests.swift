import GatewayModel
import Reactor
import ReactorRedis
import Redis
import TestPeers
import Testing

@Suite struct RedisDialerTests {
    private let stood = Notes<String>()
    private let failed = Notes<String>()

    private func dialer(
        _ endpoint: RedisEndpoint, accepts: @escaping @Sendable (String) -> Bool = { _ in true }
    ) -> OnLoop<RedisDialer> {
        OnLoop { reactor in
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
            let dialer = RedisDialer(endpoint, on: reactor, retryMsMax: 100, question: ["INFO", "server"]) {
                RedisPipe($0, on: reactor, deadlineMs: 600_000, readBuffer: buffer, onClose: $1)
            }
            dialer.onStanding = { [stood] reply in
                stood.add(reply.string ?? "")
                return accepts(reply.string ?? "")
            }
            dialer.onFailed = { [failed] in failed.add($0) }
            return dialer
        }
    }

    @Test("authenticates, then asks, and dials again after the connection broke")
    func again() async {
        let peer = RedisPeer { $0.name == "AUTH" ? .ok : .text("info") }
        var endpoint = peer.endpoint
        endpoint.user = "worker"
        endpoint.password = Secret("hush")
        let dialer = dialer(endpoint)
        await dialer.run { $0.connect() }
        #expect(await eventually { stood.all.count == 1 })
        #expect(peer.commands.map(\.words) == [["AUTH", "worker", "hush"], ["INFO", "server"]])
        #expect(await dialer.run { $0.pipe != nil })
        peer.cut()
        #expect(await eventually { stood.all.count == 2 } && peer.accepted == 2)
        #expect(failed.all.isEmpty)
        await dialer.run { $0.stop() }
    }

    @Test("a refused password is reported with its reason, and tried again until it is accepted")
    func refusedPassword() async {
        let peer = RedisPeer { $0.name == "AUTH" ? .error("WRONGPASS no") : .text("info") }
        var endpoint = peer.endpoint
        endpoint.password = Secret("old")
        let dialer = dialer(endpoint)
        await dialer.run { $0.connect() }
        #expect(await eventually { failed.all.count >= 2 })
        #expect(failed.all.allSatisfy { $0.contains("WRONGPASS no") } && stood.all.isEmpty)
        #expect(await dialer.run { $0.pipe == nil })
        peer.answer { _ in .text("info") }
        #expect(await eventually { await dialer.run { $0.pipe != nil } })
        await dialer.run { $0.stop() }
    }

    @Test("a server that its owner rejects is left, and asked again")
    func rejected() async {
        let asked = Notes<String>()
        let peer = RedisPeer { command in
            asked.add(command.name)
            return .text("server \(asked.all.count)")
        }
        let dialer = dialer(peer.endpoint) { $0 == "server 3" }
        await dialer.run { $0.connect() }
        #expect(await eventually { stood.all == ["server 1", "server 2", "server 3"] })
        #expect(await dialer.run { $0.pipe != nil } && peer.accepted == 3)
        await dialer.run { $0.stop() }
    }

    @Test("a dialer that was stopped dials no more, and one without a server says why")
    func stopped() async {
        let peer = RedisPeer { _ in .text("info") }
        let dialer = dialer(peer.endpoint)
        await dialer.run { $0.stop() }
        await dialer.run { $0.connect() }
        let gone = peer.endpoint
        peer.stop()
        let lonely = self.dialer(gone)
        await lonely.run { $0.connect() }
        #expect(await eventually { failed.all.contains { $0.contains("\(gone.port)") } })
        #expect(peer.accepted == 0)
        await lonely.run { $0.stop() }
    }
}
