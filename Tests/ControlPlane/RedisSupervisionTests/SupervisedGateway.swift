import LimitScripts
import Logging
import Operations
import PlaneContract
import RedisModel
import RedisSupervision
import StateRedisAccess
import Synchronization

/// A supervisor, the Redis it watches, and its neighbours, who write down what they are asked for.
final class SupervisedGateway: ConfigurationPublishing, UsageRereading, ShareRewriting {
    let redis = RedisModel()
    let ledger = MemoryLedger()
    private let events = Mutex<[String]>([])

    /// What the neighbours were asked for, and whether Redis admitted requests then.
    var asked: [String] { events.withLock { $0 } }

    func forget() {
        events.withLock { $0 = [] }
        redis.with { $0.commands = [] }
    }

    /// A Redis in working order: all counters, the configuration and the library, and one worker that replays at once.
    init() {
        redis.with { state in
            state.library = LimitLibrary.source
            state.hashes[RedisKeys.snapshot] = ["v": "1", "record": "{}"]
            state.hashes[RedisKeys.keySetComplete] = ["form": "1.76"]
            state.hashes[RedisKeys.publishedUpTo] = ["control-0": String(state.nowMs)]
            for shard in Shard.all {
                state.hashes[RedisKeys.versions(shard)] = ["gen": "1"]
                state.hashes[RedisKeys.heartbeats(shard)] = ["w-1.0": String(state.nowMs)]
            }
        }
        redis.beforeEachCommand { state, words in
            guard words.contains("gw2_barrier") else { return }
            for shard in Shard.all {
                guard let barrier = state.hashes[RedisKeys.runIDs(shard)]?["barrier"] else { continue }
                state.hashes[RedisKeys.runIDs(shard)]?["w-1.0"] = "b" + barrier
            }
        }
    }

    func supervisor() -> StateRedisSupervisor {
        StateRedisSupervisor(
            redis: StateRedis(client: redis), publisher: self, ledger: ledger, ingest: self, sharedBudgets: self,
            metrics: MetricsRegistry(), log: Logger(label: "supervisor-tests"))
    }

    private func note(_ event: String) {
        let isOpen = redis.with { state in
            Shard.all.contains { state.hashes[RedisKeys.runIDs($0)]?["open"] == state.runID }
        }
        events.withLock { $0.append(isOpen ? event + ", open" : event) }
    }

    func recordFormat() async throws -> String { "1.76" }

    func publish() async -> Bool {
        note("publish")
        return true
    }

    func republish(sinceMs ms: Int64) async throws {
        redis.with { $0.hashes[RedisKeys.snapshot] = ["v": "1", "record": "{}"] }
        note("republish since \(ms)")
    }

    func publishSnapshotAndUsedKeys() async throws {
        redis.with { $0.hashes[RedisKeys.snapshot] = ["v": "1", "record": "{}"] }
        note("publish snapshot and used keys")
    }

    func publishAllKeys() async throws { redis.with { $0.hashes[RedisKeys.keySetComplete] = ["form": "1.76"] } }
    func pruneChanges() async throws -> Int64 { 0 }
    func reread() async { note("reread") }
    func rereadFromStart(_ shards: [Shard]) async throws { note("reread \(shards.count) from start") }
    func rewriteShares() async throws { note("rewrite shares") }
}
