import GatewayModel
import Logging
import Operations
import PlaneContract
import RedisModel
import SharedBudgets
import StateRedisAccess
import Synchronization
import Testing

/// The distributor between rows and a Redis in memory, where shards spend, refuse and lose what was written.
@Suite(.timeLimit(.minutes(30))) struct SharedBudgetDistributorTests {
    private static let plan = "team"
    private static let ceiling: Int64 = 6_400
    private static let day = "20260101"
    private let redis = RedisModel()
    private let shares = MemoryShares()

    init() {
        shares.with { $0.budgets = [SharedBudget(plan: Self.plan, ceiling: Self.ceiling, perOrg: 300)] }
        redis.with { state in
            for shard in Shard.all { state.hashes[RedisKeys.versions(shard)] = ["gen": "1"] }
        }
    }

    private func distributor() -> SharedBudgetDistributor {
        SharedBudgetDistributor(
            redis: StateRedis(client: redis), store: shares, metrics: MetricsRegistry(),
            log: Logger(label: "shared-budget-tests"))
    }

    private static let field = RedisKeys.poolShare(plan, day: day)
    private static func budget(_ shard: Shard) -> String { RedisKeys.budget(shard, RedisKeys.poolScope(plan)) }

    /// What a shard may admit: its share, if that is confirmed for the process that runs.
    private static func admissible(_ state: RedisState, _ shard: Shard) -> Int64 {
        let key = RedisKeys.versions(shard)
        guard let share = state.share(field, in: key), share.confirmed == state.confirmation(key) else { return 0 }
        return share.nano
    }

    /// Counts the moments at which the shards together may admit more than the budget, or one more than its row.
    private func watch() -> Faults {
        let faults = Faults()
        let shares = shares
        redis.beforeEachCommand { state, _ in
            let rows = shares.rows(Self.plan, day: Self.day)
            let held = Shard.all.map { Self.admissible(state, $0) }
            if held.reduce(0, +) > Self.ceiling { faults.add("the shards may admit \(held.reduce(0, +))") }
            for row in rows where held[row.shard.index] > row.nano {
                faults.add("shard \(row.shard.index) may admit \(held[row.shard.index]), its row says \(row.nano)")
            }
        }
        return faults
    }

    private final class Faults: Sendable {
        private let found = Mutex<[String]>([])
        func add(_ fault: String) { found.withLock { $0.append(fault) } }
        var all: [String] { found.withLock { $0 } }
    }

    @Test("a day begins with equal shares, and those of the coming days are written ahead")
    func begins() async throws {
        _ = try await distributor().turn()
        for day in ["20260101", "20260102", "20260103", "20260104"] {
            let rows = shares.rows(Self.plan, day: day)
            #expect(rows.count == Shard.count && rows.allSatisfy { $0.nano == 100 })
            let field = RedisKeys.poolShare(Self.plan, day: day)
            #expect(
                redis.with { state in
                    Shard.all.allSatisfy { state.share(field, in: RedisKeys.versions($0))?.nano == 100 }
                })
        }
    }

    @Test("a shard that refuses gets room from idle ones, and its clients are not kept waiting")
    func moves() async throws {
        let faults = watch()
        let distributor = distributor()
        _ = try await distributor.turn()
        redis.with { state in
            var use = PoolUse()
            (use.spent, use.used, use.requests) = (95, 95, 3)
            (use.refusedAtMs, use.refusedAmount) = (state.nowMs, 250)
            state.pools[Self.budget(Shard.all[7])] = use
        }
        #expect(try await distributor.turn(), "told to come again soon")
        #expect(redis.with { Self.admissible($0, Shard.all[7]) } >= 95 + 250)
        #expect(faults.all.isEmpty)
    }

    @Test("a spent budget is told to the shards, so that they say so to clients")
    func exhausted() async throws {
        let distributor = distributor()
        _ = try await distributor.turn()
        redis.with { state in
            for shard in Shard.all {
                var use = PoolUse()
                (use.spent, use.used, use.requests) = (100, 100, 3)
                state.pools[Self.budget(shard)] = use
            }
        }
        #expect(try await !distributor.turn())
        let dry = redis.with { state in
            Shard.all.allSatisfy { state.hashes[RedisKeys.versions($0)]?[Self.field]?.hasSuffix(" 1") == true }
        }
        #expect(dry)
    }

    @Test("a new Redis process gets its shares under new versions, so that no late write of the old ones counts")
    func rewritten() async throws {
        let distributor = distributor()
        _ = try await distributor.turn()
        let before = shares.rows(Self.plan, day: Self.day).map(\.version)
        redis.with { $0.runID = "run2" }
        #expect(redis.with { Self.admissible($0, Shard.all[0]) } == 0)
        try await distributor.rewriteShares()
        #expect(redis.with { state in Shard.all.allSatisfy { Self.admissible(state, $0) == 100 } })
        #expect(zip(before, shares.rows(Self.plan, day: Self.day).map(\.version)).allSatisfy { $0 < $1 })
    }

    @Test(
        "the shards never admit more than the budget, whatever is spent, refused, lost or done twice",
        arguments: 1...20 as ClosedRange<UInt64>)
    func never(seed: UInt64) async throws {
        let faults = watch()
        var random = SharedBudgetPlannerTests.Sequence(state: seed)
        let both = [distributor(), distributor()]
        for step in 0..<30 {
            let shard = Shard.all[Int.random(in: 0..<8, using: &random)]
            let amount = Int64.random(in: 1...400, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0: redis.with { $0.runID = "run\(step)" }
            case 1: redis.with { $0.hashes[RedisKeys.versions(shard)] = ["gen": String(step + 2)] }
            case 2: redis.with { $0.nowMs += 20_000 }
            default:
                redis.with { state in
                    var use = state.pools[Self.budget(shard)] ?? PoolUse()
                    use.requests += 1
                    if use.used + amount <= Self.admissible(state, shard) {
                        use.used += amount
                        use.spent += amount
                    } else {
                        (use.refusedAtMs, use.refusedAmount) = (state.nowMs, amount)
                    }
                    state.pools[Self.budget(shard)] = use
                }
            }
            _ = try await both[Int.random(in: 0...1, using: &random)].turn()
        }
        #expect(faults.all.isEmpty)
        let spent = redis.with { state in state.pools.values.reduce(0) { $0 + $1.spent } }
        #expect(spent > 0 && spent <= Self.ceiling)
    }
}
