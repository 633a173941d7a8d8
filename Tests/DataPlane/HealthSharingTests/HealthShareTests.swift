import GatewayModel
import HealthSharing
import NIOCore
import NIOPosix
import PlaneContract
import Reactor
import Redis
import Routing
import TestPeers
import Testing

@Suite struct HealthShareTests {
    private func share(_ peer: RedisPeer, _ board: SharedHealthTable) -> HealthShare {
        HealthShare(
            redis: RedisClient(
                peer.endpoint, on: MultiThreadedEventLoopGroup.singleton.next(), deadline: .seconds(600)),
            board: board, everyMs: 5)
    }

    /// The text that a worker with this many samples shares.
    private func text(samples: Int64) -> String {
        DeploymentHealth(
            stats: DeploymentStats(
                firstTokenMs: 120, tokensPerSecond: 50, unstreamedMs: nil, errorRate: 0, samples: samples,
                lastMs: Reactor.clockMs())
        ).text(.ready, atMs: Reactor.clockMs(), wallMs: Reactor.wallMs())
    }

    @Test("starts warm from what others measured, removes what cannot be read, and shares what it has, until cancelled")
    func warm() async throws {
        let known = text(samples: 40)
        let peer = RedisPeer { command in
            command.name == "HGETALL" ? .array(["d1", known, "gone", "old"].map { .text($0) }) : .integer(1)
        }
        let board = SharedHealthTable()
        let sharing = Task { [share = share(peer, board)] in await share.run() }
        #expect(await eventually { board.snapshot.deployments["d1"]?.stats.samples == 40 })
        #expect(await eventually { !peer.commands("HDEL").isEmpty && !peer.commands("HSET").isEmpty })
        #expect(peer.commands("HDEL").first == ["HDEL", RedisKeys.health, "gone"])
        let written = try #require(peer.commands("HSET").first)
        #expect(Array(written[..<3]) == ["HSET", RedisKeys.health, "d1"])
        let back = DeploymentHealth(text: written[3], atMs: Reactor.clockMs(), wallMs: Reactor.wallMs())
        #expect(back?.stats.samples == 40)
        #expect(await eventually { !peer.commands("PEXPIRE").isEmpty })
        sharing.cancel()
        await sharing.value
        // What has not changed is not written again.
        #expect(peer.commands("HSET").count == 1)
    }

    @Test("without an answer it stays cold and asks again; nothing is written where nothing was measured")
    func cold() async {
        let peer = RedisPeer { _ in .error("LOADING") }
        let board = SharedHealthTable()
        let sharing = Task { [share = share(peer, board)] in await share.run() }
        #expect(await eventually { peer.commands("HGETALL").count >= 3 })
        sharing.cancel()
        await sharing.value
        #expect(peer.commands("HSET").isEmpty && board.snapshot.deployments.isEmpty)
    }
}
