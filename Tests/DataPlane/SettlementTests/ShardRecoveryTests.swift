import Admission
import GatewayModel
import Journal
import LimiterClient
import PlaneContract
import Settlement
import TestPeers
import Testing

@Suite struct ShardRecoveryTests {
    /// A Redis whose shards have this generation, and open for who presents it.
    private func peer(generation: Notes<String>) -> RedisPeer {
        RedisPeer { command in
            guard command.name == "FCALL" else { return .text(info) }
            let now = generation.all.last ?? ""
            switch command.words[1] {
            case "gw2_reopen":
                return command.words.contains(now) ? .array([.text("0")]) : .array([.text("2"), .text(now)])
            case "gw2_settle" where !command.words.contains(now): return .array([.text("3"), .text(now), .text("abc")])
            default: return .array([.text("0"), .text("5-1")])
            }
        }
    }

    @Test("a new loop learns the generation of every shard, and is open once all shards are")
    func opens() async throws {
        let generation = Notes<String>()
        generation.add("41")
        let rig = try Rig(peer(generation: generation), opensShards: true)
        #expect(await rig.connect(generation: nil))
        #expect(await eventually { rig.opened.all == ["open"] })
        for shard in Shard.all { #expect(await rig.loop.run { $0.limiter.generation(of: shard) } == "41") }
    }

    @Test("what a lost generation had confirmed is appended to the next one, where it is not settled again")
    func moves() async throws {
        let generation = Notes<String>()
        generation.add("41")
        let peer = peer(generation: generation)
        let rig = try Rig(peer, opensShards: true)
        #expect(await rig.connect(generation: nil))
        #expect(await eventually { rig.opened.all == ["open"] })
        await rig.loop.run { $0.settlements.settle(settleRequest("r1")) }
        #expect(await eventually { await rig.loop.run { $0.settlements.unconfirmedCount == 0 } })
        generation.add("42")
        let shard = caller().scopes.shard
        await rig.loop.run { $0.recovery.closeAll() }
        #expect(await eventually { await rig.loop.run { $0.limiter.generation(of: shard) } == "42" })
        #expect(await eventually { await rig.loop.run { $0.settlements.unconfirmedCount == 0 } })
        #expect(peer.calls("gw2_settle").count == 1 && peer.calls("gw2_append").count == 1)
    }

    @Test("after a restart of Redis everything is sent again, because it may have lost its last second")
    func replays() async throws {
        let generation = Notes<String>()
        generation.add("41")
        let peer = peer(generation: generation)
        let rig = try Rig(peer, opensShards: true)
        #expect(await rig.connect(generation: nil))
        #expect(await eventually { rig.opened.all == ["open"] })
        await rig.loop.run { $0.settlements.settle(settleRequest("r1")) }
        #expect(await eventually { await rig.loop.run { $0.settlements.unconfirmedCount == 0 } })
        await rig.loop.run { $0.recovery.connected(to: "another") }
        #expect(await eventually { peer.calls("gw2_settle").count == 2 })
        let sent = peer.calls("gw2_settle")
        #expect(sent[0] == sent[1])
        #expect(rig.log.all.contains { $0.hasPrefix("warning: Redis restarted or failed over") })
    }
}
