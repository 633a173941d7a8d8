internal import GatewayModel
internal import LimitScripts
package import Logging
package import Operations
internal import PlaneContract
internal import Redis
package import StateRedisAccess

/// Divides the shared daily budgets of plans among the shards of the state Redis.
///
/// Share that is not used moves to shards that need it: `SharedBudgetPlanner` decides how much.
///
/// The shares of a day never add up to more than the plan's ceiling. PostgreSQL keeps one row per share, never less
/// than the value in Redis: a share grows in PostgreSQL first and shrinks in Redis first, because only Redis knows what
/// is spent and held. Each share has a version that only rises, which rejects late writes, including those of other
/// control planes. So several control planes may run this at once, and each may be interrupted at any point.
///
/// A shard that may have lost a shrink, because its Redis process or its generation changed, admits nothing from the
/// budget until its share has been written again.
package actor SharedBudgetDistributor {
    private static let turnInterval = Duration.milliseconds(500)
    /// The interval while a shard is refusing requests, so that there is room by the time clients retry.
    private static let turnIntervalWhileRefusing = Duration.milliseconds(100)
    /// Days whose shares are set in Redis ahead of time: how long the control plane may be down.
    private static let daysAhead: Int64 = 3
    private static let daysKept: Int64 = 7
    /// A shard counts as active for this long after its last request, by Redis's clock.
    private static let activeMs: Int64 = 30_000
    /// A refusal counts as demand for this long: clients that are refused are told to retry after a second.
    private static let refusalLifetimeMs: Int64 = 4_000

    private let redis: StateRedis
    private let store: any BudgetShares
    private let metrics: MetricsRegistry
    private let log: Logger
    private var random = SystemRandomNumberGenerator()
    /// By plan and shard: the request count last seen, and when it changed.
    private var activity: [String: [Shard: (requests: Int64, atMs: Int64)]] = [:]
    /// By plan: the day (`yyyymmdd`) and the ceiling for which the coming days were last prepared.
    private var prepared: [String: Prepared] = [:]

    private struct Prepared: Equatable {
        var day: String
        var ceiling: Int64
    }

    /// The Redis process and generation each shard was read in. Redis refuses a write with any other.
    private typealias FencingTokens = [Shard: String]

    /// - Parameter store: its role may write `pool_share`.
    package init(redis: StateRedis, store: any BudgetShares, metrics: MetricsRegistry, log: Logger) {
        self.redis = redis
        self.store = store
        self.metrics = metrics
        self.log = log
    }

    /// Runs until cancelled.
    ///
    /// - Parameter openRunID: the `run_id` of the Redis that is open for admissions; `nil` while there is none.
    package func run(openRunID: @Sendable () -> String?) async {
        while !Task.isCancelled {
            var isRefusing = false
            if openRunID() != nil {
                do {
                    isRefusing = try await turn()
                } catch {
                    if !Task.isCancelled {
                        log.warning("cannot rebalance the shared budgets of plans", metadata: ["reason": "\(error)"])
                    }
                }
            }
            try? await Task.sleep(for: isRefusing ? Self.turnIntervalWhileRefusing : Self.turnInterval)
        }
    }

    /// Brings free share to the shards that need it, for every budget.
    ///
    /// - Returns: whether a shard is refusing requests that could still be paid for.
    package func turn() async throws -> Bool {
        var isRefusing = false
        for budget in try await store.budgets() {
            if try await rebalance(budget) { isRefusing = true }
        }
        return isRefusing
    }

    /// Writes the shares of every budget to Redis again, which may be a new process or may have lost some.
    package func rewriteShares() async throws {
        for budget in try await store.budgets() {
            let reports = try await reports(on: budget)
            guard let nowMs = reports.map(\.nowMs).max() else { return }
            try await prepare(budget, atMs: nowMs, in: Self.tokens(reports), mayBeStale: true)
        }
    }

    /// The state of a budget in every shard.
    private func reports(on budget: SharedBudget) async throws -> [ShardBudgetReport] {
        let scope = RedisKeys.poolScope(budget.plan)
        return try await redis.pipeline(
            Shard.all.map { shard in
                StateRedis.command(.pool, [RedisKeys.versions(shard), RedisKeys.budget(shard, scope)], [scope])
            }
        ).map(ShardBudgetReport.init)
    }

    private static func tokens(_ reports: [ShardBudgetReport]) -> FencingTokens {
        Dictionary(zip(Shard.all, reports.map(\.fencingToken)).filter { !$1.isEmpty }) { first, _ in first }
    }

    /// Creates the shares of the coming days, and writes to Redis those of all days that can still be charged.
    ///
    /// - Parameter mayBeStale: Redis may have lost a shrink. All shares get a new version first, so that a control
    ///   plane that has read such a shrink but not recorded it yet no longer can.
    private func prepare(
        _ budget: SharedBudget, atMs now: Int64, in tokens: FencingTokens, mayBeStale: Bool
    ) async throws {
        for offset in -1...Self.daysAhead {
            let day = Self.day(atMs: now + offset * UTCCalendar.dayMs)
            if offset >= 0 { try await store.beginDay(budget.plan, day: day) }
            let shares =
                try await (mayBeStale ? store.renewShares(budget.plan, day: day) : store.shares(budget.plan, day: day))
            try await write(shares, of: budget, day: day, in: tokens)
            if offset > 0 { try await lowerToCeiling(shares, of: budget, day: day, in: tokens) }
        }
        let old = (2...Self.daysKept).map { Self.day(atMs: now - $0 * UTCCalendar.dayMs) }
        try await redis.pipeline(
            Shard.all.map { shard in
                RedisCommand(
                    ["HDEL", RedisKeys.versions(shard)] + old.map { RedisKeys.poolShare(budget.plan, day: $0) })
            })
        try await store.deleteShares(before: old.last ?? "")
    }

    /// Shrinks the shares of a coming day that exceed the ceiling because it was lowered.
    private func lowerToCeiling(
        _ shares: [BudgetShare], of budget: SharedBudget, day: String, in tokens: FencingTokens
    ) async throws {
        guard shares.reduce(0, { $0 + $1.nano }) > budget.ceiling else { return }
        let equal = budget.ceiling / Int64(Shard.count)
        try await shrink(
            shares.filter { $0.nano > equal }, to: { _ in equal }, of: budget, day: day, in: tokens)
    }

    // MARK: A turn

    /// - Returns: whether a shard is refusing requests that could still be paid for.
    private func rebalance(_ budget: SharedBudget) async throws -> Bool {
        let reports = try await reports(on: budget)
        let tokens = Self.tokens(reports)
        guard let latest = reports.max(by: { $0.day < $1.day }) else { return false }
        let mayBeStale = reports.contains { $0.mayBeStale }
        let current = Prepared(day: latest.day, ceiling: budget.ceiling)
        if mayBeStale || prepared[budget.plan] != current {
            try await prepare(budget, atMs: latest.nowMs, in: tokens, mayBeStale: mayBeStale)
            prepared[budget.plan] = current
            return false
        }
        // Around midnight, the clocks of several Redis masters may be on different days.
        guard reports.allSatisfy({ $0.day == latest.day }) else { return false }
        let day = latest.day
        var shares = try await store.shares(budget.plan, day: day)
        guard shares.count == reports.count else { throw ShardBudgetReport.MalformedReplyError() }
        let newer = zip(shares, reports).compactMap { share, report -> BudgetShare? in
            let isNewer = report.version > share.version || report.version == share.version && report.share < share.nano
            return isNewer ? .init(shard: share.shard, nano: report.share, version: report.version) : nil
        }
        if !newer.isEmpty {
            try await store.recordShares(budget.plan, day: day, newer)
            shares = try await store.shares(budget.plan, day: day)
        }
        let states = states(shares, reports, of: budget)
        let moves = SharedBudgetPlanner(ceiling: budget.ceiling, perOrg: budget.perOrg).moves(states, using: &random)
        let outdated = zip(shares, reports).filter { share, report in
            report.version < share.version || report.isExhausted != moves.isExhausted
        }
        try await write(outdated.map(\.0), of: budget, day: day, in: tokens, isExhausted: moves.isExhausted)
        try await carryOut(moves, shares, of: budget, day: day, in: tokens)
        return !moves.isExhausted && states.contains { $0.isRefusing }
    }

    private func states(
        _ shares: [BudgetShare], _ reports: [ShardBudgetReport], of budget: SharedBudget
    ) -> [SharedBudgetPlanner.ShardState] {
        var known = activity[budget.plan] ?? [:]
        defer { activity[budget.plan] = known }
        return zip(shares, reports).map { share, report in
            if known[share.shard]?.requests != report.requests { known[share.shard] = (report.requests, report.nowMs) }
            let isActive = report.requests > 0 && report.nowMs - (known[share.shard]?.atMs ?? 0) < Self.activeMs
            let isRefusing = report.nowMs - report.refusedAtMs < Self.refusalLifetimeMs
            return SharedBudgetPlanner.ShardState(
                shard: share.shard, share: share.nano, spent: report.spent, used: report.used, isActive: isActive,
                refusedAmount: isRefusing ? report.refusedAmount : nil)
        }
    }

    private func carryOut(
        _ moves: SharedBudgetPlanner.Moves, _ shares: [BudgetShare], of budget: SharedBudget,
        day: String, in tokens: FencingTokens
    ) async throws {
        let versions = Dictionary(shares.map { ($0.shard, $0.version) }) { first, _ in first }
        if !moves.shrinks.isEmpty {
            let targets = Dictionary(moves.shrinks.map { ($0.shard, $0.share) }) { first, _ in first }
            try await shrink(
                shares.filter { targets[$0.shard] != nil }, to: { targets[$0] ?? .max }, of: budget, day: day,
                in: tokens, isExhausted: moves.isExhausted)
        }
        guard !moves.grows.isEmpty else { return }
        let grown = try await store.growShares(
            budget.plan, day: day,
            moves.grows.map { .init(shard: $0.shard, nano: $0.share, version: versions[$0.shard] ?? 0) })
        metrics.add("aihub_control_pool_shares_moved_total", by: Double(grown.count))
        try await write(grown, of: budget, day: day, in: tokens, isExhausted: moves.isExhausted)
    }

    // MARK: Writes to Redis

    /// Shrinks shares: Redis reports how far it could go, and only then does PostgreSQL follow.
    private func shrink(
        _ shares: [BudgetShare], to target: (Shard) -> Int64, of budget: SharedBudget,
        day: String, in tokens: FencingTokens, isExhausted: Bool = false
    ) async throws {
        let raised = try await store.raiseVersions(budget.plan, day: day, shares)
        let targets = raised.map {
            BudgetShare(shard: $0.shard, nano: target($0.shard), version: $0.version)
        }
        let sent = try await send(targets, of: budget, day: day, in: tokens, isExhausted: isExhausted, shrinks: true)
        let done = sent.compactMap { share, reply -> BudgetShare? in
            guard let items = reply.array, items.count == 3, items[0].integer == 0,
                let held = items[2].string.flatMap({ Int64($0) })
            else { return nil }
            return .init(shard: share.shard, nano: held, version: share.version)
        }
        if !done.isEmpty { try await store.recordShares(budget.plan, day: day, done) }
    }

    /// Writes shares to Redis, and records in PostgreSQL those of which Redis has a newer version.
    private func write(
        _ shares: [BudgetShare], of budget: SharedBudget, day: String, in tokens: FencingTokens,
        isExhausted: Bool = false
    ) async throws {
        let sent = try await send(shares, of: budget, day: day, in: tokens, isExhausted: isExhausted, shrinks: false)
        // Redis has a newer version: from another control plane, or because the database was restored from a backup.
        let newer = sent.compactMap { share, reply -> BudgetShare? in
            guard let items = reply.array, items.count == 3, items[0].integer == 1,
                let version = items[1].string.flatMap({ Int64($0) }), let held = items[2].string.flatMap({ Int64($0) })
            else { return nil }
            return .init(shard: share.shard, nano: held, version: version)
        }
        guard !newer.isEmpty else { return }
        try await store.recordShares(budget.plan, day: day, newer)
        _ = try await send(newer, of: budget, day: day, in: tokens, isExhausted: isExhausted, shrinks: false)
    }

    /// Sends shares to the shards that have counters.
    ///
    /// - Returns: those shares, each with the shard's reply: `[code, version, nano-USD]`.
    private func send(
        _ shares: [BudgetShare], of budget: SharedBudget, day: String, in tokens: FencingTokens,
        isExhausted: Bool, shrinks: Bool
    ) async throws -> [(BudgetShare, RESPValue)] {
        let scope = RedisKeys.poolScope(budget.plan)
        let addressed = shares.filter { tokens[$0.shard] != nil }
        let replies = try await redis.pipeline(
            addressed.map { share in
                StateRedis.command(
                    .share, [RedisKeys.versions(share.shard), RedisKeys.budget(share.shard, scope)],
                    [
                        scope, day, String(share.version), String(share.nano), isExhausted ? "1" : "0",
                        tokens[share.shard] ?? "", shrinks ? "1" : "0",
                    ])
            })
        return Array(zip(addressed, replies))
    }

    /// `yyyymmdd`, in the limiter's format.
    private static func day(atMs now: Int64) -> String { String(UTCCalendar.periods(atMs: now).suffix(8)) }
}
