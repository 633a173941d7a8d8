import Logging
import Operations
import PlaneContract
import RedisModel
import RedisSupervision
import StateRedisAccess
import Testing

/// A rebuild on a Redis in memory that has lost the counters of a shard.
@Suite(.timeLimit(.minutes(30))) struct ShardRebuildTests {
    private static let org = "org_a"
    private let shard = Shard(orgID: org)
    private let redis = RedisModel()
    private let ledger = MemoryLedger()
    private let rebuild: ShardRebuild

    init() {
        rebuild = ShardRebuild(
            redis: StateRedis(client: redis), ledger: ledger, metrics: MetricsRegistry(),
            log: Logger(label: "rebuild-tests"), barrierTimeout: .seconds(600))
        ledger.with { $0.totals = [MemoryLedger.totals("key_1", org: Self.org, nano: 500)] }
        appendAtOnce()
    }

    /// Lets the worker `w-1.0` append for a new generation when it is told, before the n-th question about a barrier.
    private func appendAtOnce(
        before question: Int = 2, _ more: @escaping @Sendable (inout RedisState, [String]) -> Void = { _, _ in }
    ) {
        let runIDs = RedisKeys.runIDs(shard)
        redis.beforeEachCommand { state, words in
            more(&state, words)
            guard words.contains("gw2_barrier"), state.calls(of: "gw2_barrier").count == question - 1 else { return }
            let barrier = state.hashes[runIDs]?["barrier"] ?? ""
            state.hashes[runIDs]?["w-1.0"] = "b" + barrier
        }
    }

    private func restore() async throws {
        try await rebuild.restoreCounters(of: [shard], in: "run1", workers: ["w-1.0"])
    }

    private var generation: String? { redis.with { [shard] in $0.hashes[RedisKeys.versions(shard)]?["gen"] } }
    private var functions: [String] { redis.with { $0.commands.compactMap { $0[0] == "FCALL" ? $0[1] : nil } } }

    @Test("restores the totals before the generation begins, and workers are told that counters are lost")
    func steps() async throws {
        try await restore()
        let order = functions.reduce(into: [String]()) { if $0.last != $1 { $0.append($1) } }
        #expect(order == ["gw2_barrier", "gw2_close", "gw2_seed", "gw2_live"])
        #expect(generation == "2")
        #expect(redis.with { $0.published } == ["lost"])
        let seed = try #require(redis.with { $0.calls(of: "gw2_seed").first })
        #expect(
            seed.dropFirst(3) == [
                RedisKeys.versions(shard), RedisKeys.budget(shard, "key_1"), "2", "202601", "500", "2", "20260101",
                "500", "2", "202512", "0", "2", "20251231", "0", "2", "1", "7", "1", "7",
            ])
    }

    @Test("waits for the workers that are known before appends are refused")
    func waitsForWorkers() async throws {
        appendAtOnce(before: 5)
        try await restore()
        #expect(functions.prefix { $0 == "gw2_barrier" }.count >= 5)
    }

    @Test("reads the totals only once the ledger has all that was appended")
    func waitsForLedger() async throws {
        redis.with { [shard] state in
            state.streams[RedisKeys.usageStream(shard)] = [RedisState.Entry(id: "90-1", fields: [])]
        }
        ledger.with { [shard] in
            $0.ingested = [2: (shard, "90-0"), 4: (shard, "90-1")]
        }
        try await restore()
        let cursors = ledger.with { $0.cursorsAtTotals }
        #expect(cursors?[shard.index] == "90-1")
    }

    @Test("removes what is left of the shard's requests and counters, and nothing else")
    func leftovers() async throws {
        let other = RedisKeys.budget(Shard.all[(shard.index + 1) % Shard.count], "key_9")
        let stream = RedisKeys.usageStream(shard)
        let gone = [RedisKeys.hold(shard, "r1"), RedisKeys.openHolds(shard), RedisKeys.budget(shard, "key_old")]
        redis.with { state in
            for key in gone + [other] { state.strings[key] = "old" }
            state.streams[stream] = []
        }
        try await restore()
        let strings = redis.with { $0.strings }
        for key in gone { #expect(strings[key] == nil) }
        #expect(strings[other] == "old")
        #expect(redis.with { $0.streams[stream] != nil })
    }

    @Test("restores what reaped requests were charged, in every scope they counted in")
    func reaped() async throws {
        ledger.with {
            $0.reaped = [
                ReapedRequest(
                    id: "r1", orgID: Self.org, nano: 9, month: "202601", day: "20260101", countsInSharedBudget: true)
            ]
        }
        try await restore()
        let call = try #require(redis.with { $0.calls(of: "gw2_entomb").first })
        #expect(
            call.dropFirst(4) == [
                RedisKeys.hold(shard, "r1"), "2", "9", "202601/20260101,202601/20260101,202601/20260101", "900000",
            ])
    }

    @Test(
        "begins nothing when another control plane takes over or Redis changes, whenever that happens",
        arguments: ["gw2_close", "gw2_seed", "gw2_live"], [true, false])
    func fenced(before step: String, byAnother: Bool) async throws {
        let (versions, runIDs) = (RedisKeys.versions(shard), RedisKeys.runIDs(shard))
        appendAtOnce { state, words in
            guard words.contains(step) else { return }
            if byAnother {
                state.hashes[runIDs] = ["barrier": "9"]
            } else {
                state.wipe(newRunID: "run2")
            }
        }
        await #expect(throws: ShardRebuild.FencedError.self) { try await restore() }
        #expect(redis.with { $0.hashes[versions]?["gen"] } == nil)
    }

    @Test("begins nothing in a process that was not the one prepared")
    func otherProcess() async throws {
        appendAtOnce { state, words in if words.contains("gw2_live") { state.runID = "run2" } }
        await #expect(throws: ShardRebuild.FencedError.self) { try await restore() }
        #expect(generation == nil)
    }

    @Test("begins nothing when a later generation was numbered meanwhile")
    func laterGeneration() async throws {
        let shard = shard
        appendAtOnce { [ledger] _, words in
            if words.contains("gw2_close") { ledger.with { $0.generations[shard] = 7 } }
        }
        await #expect(throws: ShardRebuild.FencedError.self) { try await restore() }
        #expect(generation == nil)
        #expect(redis.with { $0.calls(of: "gw2_seed").isEmpty })
    }

    // MARK: Raising counters

    private func raised() async throws -> [String] {
        try await rebuild.raiseCountersToLedger()
        return redis.with { $0.calls(of: "gw2_at_least").map { $0[4] } }.sorted()
    }

    @Test("raises counters of orgs at rest only: the others may still be replayed and would count twice")
    func busyOrgs() async throws {
        ledger.with {
            $0.totals += [
                MemoryLedger.totals("key_2", org: "org_busy", nano: 5),
                MemoryLedger.totals("key_3", org: "org_c", nano: 0),
            ]
            $0.busy = ["org_busy"]
        }
        #expect(try await raised() == [RedisKeys.budget(shard, "key_1")])
    }

    @Test("raises nothing while the ledger is behind the streams")
    func behind() async throws {
        redis.with { [shard] state in
            state.streams[RedisKeys.usageStream(shard)] = [RedisState.Entry(id: "90-1", fields: [])]
        }
        #expect(try await raised().isEmpty)
        ledger.with { [shard] in $0.cursors[shard.index] = "90-1" }
        #expect(try await raised().count == 1)
    }
}
