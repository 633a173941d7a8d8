import LimitScripts
import PlaneContract
import RedisModel
import RedisSupervision
import Testing

@Suite(.timeLimit(.minutes(30))) struct StateRedisSupervisorTests {
    private let gateway = SupervisedGateway()

    private func opened() async throws -> StateRedisSupervisor {
        let supervisor = gateway.supervisor()
        try await supervisor.check()
        gateway.forget()
        return supervisor
    }

    private var openShards: Int {
        gateway.redis.with { state in
            Shard.all.count { state.hashes[RedisKeys.runIDs($0)]?["open"] == state.runID }
        }
    }

    @Test("opens a Redis that has everything, without a rebuild")
    func opens() async throws {
        let supervisor = gateway.supervisor()
        #expect(!supervisor.isOpen)
        try await supervisor.check()
        #expect(supervisor.isOpen && supervisor.openRunID == "run1")
        #expect(openShards == Shard.count)
        #expect(gateway.redis.with { $0.calls(of: "gw2_barrier").isEmpty })
    }

    @Test("leaves an open Redis alone")
    func staysOpen() async throws {
        let supervisor = try await opened()
        try await supervisor.check()
        #expect(gateway.asked.isEmpty && supervisor.isOpen)
        #expect(gateway.redis.with { $0.calls(of: "gw2_reopen").isEmpty })
    }

    @Test("a restarted Redis opens after what it may have lost is published again")
    func restarted() async throws {
        let supervisor = try await opened()
        gateway.redis.with { state in
            state.runID = "run2"
            state.hashes[RedisKeys.publishedUpTo] = [supervisor.instanceID: "5000000"]
        }
        try await supervisor.check()
        #expect(
            gateway.asked == ["reread", "republish since 4940000", "rewrite shares", "publish, open"])
        #expect(openShards == Shard.count && supervisor.openRunID == "run2")
        #expect(gateway.redis.with { $0.calls(of: "gw2_barrier").isEmpty })
    }

    @Test("a wiped Redis gets library, configuration and counters before it admits")
    func wiped() async throws {
        let supervisor = try await opened()
        gateway.ledger.with { $0.totals = [MemoryLedger.totals("key_1", org: "org_a", nano: 5)] }
        gateway.redis.with { $0.wipe(newRunID: "run2") }
        try await supervisor.check()
        #expect(
            gateway.asked == [
                "reread", "reread 64 from start", "publish snapshot and used keys", "rewrite shares", "publish, open",
            ])
        #expect(openShards == Shard.count)
        #expect(gateway.redis.with { $0.library } == LimitLibrary.source)
        #expect(gateway.redis.with { $0.calls(of: "gw2_seed").count } == 1)
        #expect(
            gateway.redis.with { state in Shard.all.allSatisfy { state.hashes[RedisKeys.versions($0)]?["gen"] == "2" } }
        )
    }

    @Test("a generation that a failover brought back is stopped and rebuilt")
    func olderGeneration() async throws {
        let shard = Shard.all[5]
        gateway.ledger.with {
            $0.generations[shard] = 3
            $0.begun[shard] = 3
        }
        let supervisor = gateway.supervisor()
        // Known only from the heartbeats of an open Redis: without it, a rebuild waits for workers it has not heard of.
        gateway.redis.with { $0.hashes[RedisKeys.versions(shard)] = ["gen": "3"] }
        try await supervisor.check()
        gateway.forget()
        gateway.redis.with { state in
            state.runID = "run2"
            state.hashes[RedisKeys.versions(shard)] = ["gen": "2"]
        }
        try await supervisor.check()
        #expect(gateway.asked.contains("reread 1 from start"))
        #expect(gateway.redis.with { $0.calls(of: "gw2_stop").map { $0[3] } } == [RedisKeys.versions(shard)])
        #expect(gateway.redis.with { $0.hashes[RedisKeys.versions(shard)]?["gen"] } == "4")
        #expect(openShards == Shard.count)
    }

    @Test("a Redis that may evict is not opened")
    func evicts() async throws {
        gateway.redis.with { $0.evictionPolicy = "volatile-ttl" }
        let supervisor = gateway.supervisor()
        await #expect(throws: (any Error).self) { try await supervisor.check() }
        #expect(!supervisor.isOpen && openShards == 0)
    }

    @Test("a Redis whose clock is far off stays closed, either way", arguments: [-300_001, 300_001] as [Int64])
    func skewed(ms: Int64) async throws {
        gateway.redis.with { $0.nowMs += ms }
        let supervisor = gateway.supervisor()
        await #expect(throws: ClockSkewError.self) { try await supervisor.check() }
        #expect(!supervisor.isOpen && openShards == 0)
    }

    @Test("an older library is replaced, a newer one serves this program, too")
    func library() async throws {
        let newer = "#!lua name=gw2\nlocal REVISION = \(LimitLibrary.revision + 1)\n"
        #expect(LimitLibrary.revision(of: newer) == LimitLibrary.revision + 1)
        gateway.redis.with { $0.library = newer }
        _ = try await opened()
        #expect(gateway.redis.with { $0.library } == newer)
        gateway.redis.with { $0.library = "local REVISION = 1\n" }
        try await gateway.supervisor().check()
        #expect(gateway.redis.with { $0.library } == LimitLibrary.source)
    }

    @Test("records of another format are all published again")
    func otherFormat() async throws {
        let supervisor = try await opened()
        gateway.redis.with { state in
            state.runID = "run2"
            state.hashes[RedisKeys.publishedUpTo] = [supervisor.instanceID: "5000000"]
            state.hashes[RedisKeys.keySetComplete] = ["form": "1.75"]
        }
        try await supervisor.check()
        // What survived may belong to a key whose revocation was lost, so the last hour comes first.
        #expect(gateway.asked.contains("republish since \(1_767_225_600_000 - 3_600_000)"))
        #expect(gateway.asked.contains("publish snapshot and used keys"))
    }
}
