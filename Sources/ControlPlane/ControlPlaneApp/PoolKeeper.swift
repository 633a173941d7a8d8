internal import AdminStore
internal import GatewayModel
internal import LimitScripts
internal import Logging
internal import Operations
internal import PlaneContract
internal import Redis

/// Shares out what the orgs of a plan may spend together: each shard of the state Redis has a share of the day, and what one does not
/// need goes to those that do.
///
/// The sum of a day's shares never exceeds the plan's: PostgreSQL has a row for each that is never less than what Redis was told. A
/// share is made larger in PostgreSQL first; it is made smaller in Redis first, which knows what is spent and held. Versions that only
/// rise fence off what arrives late, be it of another control plane, so any number of them may do this at once, and any may be
/// interrupted anywhere. A shard that may have lost that its share was made smaller, in another process of Redis or another life of its
/// counters, lets nothing through until the share is confirmed for that.
actor PoolKeeper {
    private static let turnEvery = Duration.milliseconds(500)
    /// While somebody is refused: room shall be there when they ask again.
    private static let turnSoon = Duration.milliseconds(100)
    /// Days whose shares are in Redis beforehand: for so long the control plane may be away.
    private static let daysAhead: Int64 = 3
    private static let daysKept: Int64 = 7
    /// A shard is active for so long after its last request, by Redis's clock.
    private static let activeMs: Int64 = 30_000
    /// A refusal says for so long that room is needed: those refused are told to ask again after a second.
    private static let refusedMs: Int64 = 4_000

    private let redis: StateRedis
    private let store: PublicationStore
    private let metrics: MetricsRegistry
    private let log: Logger
    private var random = SystemRandomNumberGenerator()
    /// By pool and shard: how many requests it had had, and when that last changed.
    private var activity: [String: [Shard: (requests: Int64, atMs: Int64)]] = [:]
    /// By pool: the day (`yyyymmdd`) and the sum for which the days ahead were last seen to.
    private var prepared: [String: Prepared] = [:]

    private struct Prepared: Equatable {
        var day: String
        var ceiling: Int64
    }

    /// What the words to each shard are meant for: the process and the life that were looked at. Elsewhere they are refused.
    private typealias Lives = [Shard: String]

    init(redis: StateRedis, store: PublicationStore, metrics: MetricsRegistry, log: Logger) {
        self.redis = redis
        self.store = store
        self.metrics = metrics
        self.log = log
    }

    /// - Parameter process: the process of Redis that admissions are open for; `nil` while none is.
    func run(process: @Sendable () -> String?) async {
        while !Task.isCancelled {
            var isRefusing = false
            if process() != nil {
                do {
                    for pool in try await store.pools() {
                        if try await shareOut(pool) { isRefusing = true }
                    }
                } catch {
                    if !Task.isCancelled { log.warning("pools are not shared out", metadata: ["reason": "\(error)"]) }
                }
            }
            try? await Task.sleep(for: isRefusing ? Self.turnSoon : Self.turnEvery)
        }
    }

    /// Tells Redis the shares of every pool: its process may be new, or have lost some.
    func confirm() async throws {
        for pool in try await store.pools() {
            let looks = try await looks(at: pool)
            guard let nowMs = looks.map(\.nowMs).max() else { return }
            try await prepare(pool, atMs: nowMs, in: Self.lives(looks), mayLack: true)
        }
    }

    private func looks(at pool: PublicationStore.Pool) async throws -> [PoolLook] {
        let scope = RedisKeys.poolScope(pool.plan)
        return try await redis.all(
            Shard.all.map { shard in
                StateRedis.call(.pool, [RedisKeys.versions(shard), RedisKeys.budget(shard, scope)], [scope])
            }
        ).map(PoolLook.init)
    }

    private static func lives(_ looks: [PoolLook]) -> Lives {
        Dictionary(zip(Shard.all, looks.map(\.life)).filter { !$1.isEmpty }) { first, _ in first }
    }

    /// Begins the days ahead, and tells Redis the shares of all days that something may still be charged to.
    ///
    /// - Parameter mayLack: Redis may have lost that a share was made smaller. All get a new version first, so that whoever heard of that
    ///   and has not noted it yet no longer can.
    private func prepare(
        _ pool: PublicationStore.Pool, atMs now: Int64, in lives: Lives, mayLack: Bool
    ) async throws {
        for offset in -1...Self.daysAhead {
            let day = Self.day(atMs: now + offset * UTCCalendar.dayMs)
            if offset >= 0 { try await store.beginPoolDay(pool.plan, day: day) }
            let shares =
                try await (mayLack ? store.renewPoolShares(pool.plan, day: day) : store.poolShares(pool.plan, day: day))
            try await tell(shares, of: pool, day: day, in: lives)
            if offset > 0 { try await lower(shares, of: pool, day: day, in: lives) }
        }
        let old = (2...Self.daysKept).map { Self.day(atMs: now - $0 * UTCCalendar.dayMs) }
        try await redis.all(
            Shard.all.map { shard in
                RedisCommand(
                    ["HDEL", RedisKeys.versions(shard)] + old.map { RedisKeys.poolShare(pool.plan, day: $0) })
            })
        try await store.dropPoolShares(before: old.last ?? "")
    }

    /// A day ahead whose shares are more than the plan's sum, because that was lowered.
    private func lower(
        _ shares: [PublicationStore.PoolShare], of pool: PublicationStore.Pool, day: String, in lives: Lives
    ) async throws {
        guard shares.reduce(0, { $0 + $1.nano }) > pool.ceiling else { return }
        let equal = pool.ceiling / Int64(Shard.count)
        try await shrink(
            shares.filter { $0.nano > equal }, to: { _ in equal }, of: pool, day: day, in: lives)
    }

    // MARK: A turn

    /// - Returns: whether somebody waits for room.
    private func shareOut(_ pool: PublicationStore.Pool) async throws -> Bool {
        let looks = try await looks(at: pool)
        let lives = Self.lives(looks)
        guard let latest = looks.max(by: { $0.day < $1.day }) else { return false }
        let mayLack = looks.contains { $0.mayLack }
        let wanted = Prepared(day: latest.day, ceiling: pool.ceiling)
        if mayLack || prepared[pool.plan] != wanted {
            try await prepare(pool, atMs: latest.nowMs, in: lives, mayLack: mayLack)
            prepared[pool.plan] = wanted
            return false
        }
        // Around midnight the clocks of several masters may name two days.
        guard looks.allSatisfy({ $0.day == latest.day }) else { return false }
        let day = latest.day
        var shares = try await store.poolShares(pool.plan, day: day)
        guard shares.count == looks.count else { throw PoolLook.Unreadable() }
        let told = zip(shares, looks).compactMap { share, look -> PublicationStore.PoolShare? in
            let isNews = look.version > share.version || look.version == share.version && look.share < share.nano
            return isNews ? .init(shard: share.shard, nano: look.share, version: look.version) : nil
        }
        if !told.isEmpty {
            try await store.notePoolShares(pool.plan, day: day, told)
            shares = try await store.poolShares(pool.plan, day: day)
        }
        let standings = standings(shares, looks, of: pool)
        let moves = PoolSharing(ceiling: pool.ceiling, perOrg: pool.perOrg).moves(standings, using: &random)
        let untold = zip(shares, looks).filter { share, look in
            look.version < share.version || look.isDry != moves.isDry
        }
        try await tell(untold.map(\.0), of: pool, day: day, in: lives, isDry: moves.isDry)
        try await carryOut(moves, shares, of: pool, day: day, in: lives)
        return !moves.isDry && standings.contains { $0.isRefusing }
    }

    private func standings(
        _ shares: [PublicationStore.PoolShare], _ looks: [PoolLook], of pool: PublicationStore.Pool
    ) -> [PoolSharing.Standing] {
        var known = activity[pool.plan] ?? [:]
        defer { activity[pool.plan] = known }
        return zip(shares, looks).map { share, look in
            if known[share.shard]?.requests != look.requests { known[share.shard] = (look.requests, look.nowMs) }
            let isActive = look.requests > 0 && look.nowMs - (known[share.shard]?.atMs ?? 0) < Self.activeMs
            let isRefusing = look.nowMs - look.refusedMs < Self.refusedMs
            return PoolSharing.Standing(
                shard: share.shard, share: share.nano, spent: look.spent, used: look.used, isActive: isActive,
                wanted: isRefusing ? look.wanted : nil)
        }
    }

    private func carryOut(
        _ moves: PoolSharing.Moves, _ shares: [PublicationStore.PoolShare], of pool: PublicationStore.Pool,
        day: String, in lives: Lives
    ) async throws {
        let versions = Dictionary(shares.map { ($0.shard, $0.version) }) { first, _ in first }
        if !moves.shrinks.isEmpty {
            let targets = Dictionary(moves.shrinks.map { ($0.shard, $0.share) }) { first, _ in first }
            try await shrink(
                shares.filter { targets[$0.shard] != nil }, to: { targets[$0] ?? .max }, of: pool, day: day,
                in: lives, isDry: moves.isDry)
        }
        guard !moves.grows.isEmpty else { return }
        let grown = try await store.growPoolShares(
            pool.plan, day: day,
            moves.grows.map { .init(shard: $0.shard, nano: $0.share, version: versions[$0.shard] ?? 0) })
        metrics.add("aihub_control_pool_shares_moved_total", by: Double(grown.count))
        try await tell(grown, of: pool, day: day, in: lives, isDry: moves.isDry)
    }

    // MARK: Words to Redis

    /// Makes shares smaller: Redis says how far that went, and only then they are smaller here.
    private func shrink(
        _ shares: [PublicationStore.PoolShare], to target: (Shard) -> Int64, of pool: PublicationStore.Pool,
        day: String, in lives: Lives, isDry: Bool = false
    ) async throws {
        let raised = try await store.raisePoolVersions(pool.plan, day: day, shares)
        let wanted = raised.map {
            PublicationStore.PoolShare(shard: $0.shard, nano: target($0.shard), version: $0.version)
        }
        let said = try await say(wanted, of: pool, day: day, in: lives, isDry: isDry, shrinks: true)
        let done = said.compactMap { share, reply -> PublicationStore.PoolShare? in
            guard let items = reply.array, items.count == 3, items[0].integer == 0,
                let held = items[2].string.flatMap({ Int64($0) })
            else { return nil }
            return .init(shard: share.shard, nano: held, version: share.version)
        }
        if !done.isEmpty { try await store.notePoolShares(pool.plan, day: day, done) }
    }

    private func tell(
        _ shares: [PublicationStore.PoolShare], of pool: PublicationStore.Pool, day: String, in lives: Lives,
        isDry: Bool = false
    ) async throws {
        let said = try await say(shares, of: pool, day: day, in: lives, isDry: isDry, shrinks: false)
        // Redis has a newer one: of another control plane, or the database was put back to an earlier state.
        let newer = said.compactMap { share, reply -> PublicationStore.PoolShare? in
            guard let items = reply.array, items.count == 3, items[0].integer == 1,
                let version = items[1].string.flatMap({ Int64($0) }), let held = items[2].string.flatMap({ Int64($0) })
            else { return nil }
            return .init(shard: share.shard, nano: held, version: version)
        }
        guard !newer.isEmpty else { return }
        try await store.notePoolShares(pool.plan, day: day, newer)
        _ = try await say(newer, of: pool, day: day, in: lives, isDry: isDry, shrinks: false)
    }

    /// - Returns: what the shards that have counters answered to their shares.
    private func say(
        _ shares: [PublicationStore.PoolShare], of pool: PublicationStore.Pool, day: String, in lives: Lives,
        isDry: Bool, shrinks: Bool
    ) async throws -> [(PublicationStore.PoolShare, RESPValue)] {
        let scope = RedisKeys.poolScope(pool.plan)
        let addressed = shares.filter { lives[$0.shard] != nil }
        let replies = try await redis.all(
            addressed.map { share in
                StateRedis.call(
                    .share, [RedisKeys.versions(share.shard), RedisKeys.budget(share.shard, scope)],
                    [
                        scope, day, String(share.version), String(share.nano), isDry ? "1" : "0",
                        lives[share.shard] ?? "", shrinks ? "1" : "0",
                    ])
            })
        return Array(zip(addressed, replies))
    }

    /// `yyyymmdd`, as the limiter names it.
    private static func day(atMs now: Int64) -> String { String(UTCCalendar.periods(atMs: now).suffix(8)) }
}
