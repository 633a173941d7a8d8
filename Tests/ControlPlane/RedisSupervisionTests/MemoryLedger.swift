import PlaneContract
import RedisSupervision
import Synchronization

/// A ledger in memory: totals by scope, and the generations of the shards.
final class MemoryLedger: RebuildLedger {
    struct State: Sendable {
        var totals: [ScopeTotals] = []
        var pools: [ScopeTotals] = []
        var reaped: [ReapedRequest] = []
        var busy: Set<String> = []
        var cursors = Shard.all.map { _ in "0-0" }
        var clockMs: Int64 = 1_767_225_600_000
        var generations = Dictionary(Shard.all.map { ($0, Int64(1)) }) { first, _ in first }
        var begun = Dictionary(Shard.all.map { ($0, Int64(1)) }) { first, _ in first }
        /// How often the cursors were asked for, and where they stood when totals were read.
        var cursorReads = 0
        var cursorsAtTotals: [String]?
        /// What the ingester commits before the n-th question.
        var ingested: [Int: (shard: Shard, id: String)] = [:]
    }

    private let state = Mutex(State())

    @discardableResult
    func with<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        state.withLock { body(&$0) }
    }

    func totals() async throws -> [ScopeTotals] {
        state.withLock { state in
            state.cursorsAtTotals = state.cursors
            return state.totals
        }
    }

    func sharedBudgetTotals() async throws -> [ScopeTotals] { state.withLock { $0.pools } }
    func reapedRequests() async throws -> [ReapedRequest] { state.withLock { $0.reaped } }
    func recentlyUsedOrgs() async throws -> Set<String> { state.withLock { $0.busy } }

    func cursors() async throws -> [String] {
        state.withLock { state in
            state.cursorReads += 1
            if let next = state.ingested[state.cursorReads] { state.cursors[next.shard.index] = next.id }
            return state.cursors
        }
    }

    func clockMs() async throws -> Int64 { state.withLock { $0.clockMs } }

    func raiseGenerations(of shards: [Shard]) async throws -> [(Shard, Int64)] {
        state.withLock { state in
            shards.map { shard in
                let next = (state.generations[shard] ?? 0) + 1
                state.generations[shard] = next
                return (shard, next)
            }
        }
    }

    func beginGenerations(_ generations: [(Shard, Int64)]) async throws -> Bool {
        state.withLock { state in
            guard generations.allSatisfy({ state.generations[$0.0] == $0.1 }) else { return false }
            for (shard, generation) in generations { state.begun[shard] = generation }
            return true
        }
    }

    func begunGenerations() async throws -> [Shard: Int64] { state.withLock { $0.begun } }

    /// One scope's usage, all of it today.
    static func totals(_ scope: String, org: String, nano: Int64) -> ScopeTotals {
        func period(_ name: String, _ nano: Int64) -> PeriodTotal {
            PeriodTotal(period: name, nano: nano, requests: 2, hits: 1, savedNano: 7)
        }
        return ScopeTotals(
            orgIDs: [org], scope: scope, month: period("202601", nano), day: period("20260101", nano),
            previousMonth: period("202512", 0), previousDay: period("20251231", 0))
    }
}
