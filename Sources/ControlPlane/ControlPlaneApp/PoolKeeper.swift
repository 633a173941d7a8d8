internal import AdminStore
internal import GatewayModel
internal import LimitScripts
internal import Logging
internal import Operations
internal import PlaneContract
internal import Redis

/// Divides a plan's shared daily budget, its pool, among the shards of the state Redis.
///
/// Share that is not used moves to shards that need it.
///
/// The shares of a day never add up to more than the plan's ceiling. PostgreSQL keeps one row per share, never less
/// than the value in Redis: a share grows in PostgreSQL first and shrinks in Redis first, because only Redis knows what
/// is spent and held. Each share has a version that only rises, which rejects late writes, including those of other
/// control planes. So several control planes may run this at once, and each may be interrupted at any point.
///
/// A shard that may have lost a shrink, because its Redis process or its generation changed, admits nothing from the
/// pool until its share has been confirmed again.
actor PoolKeeper {
    private static let turnEvery = Duration.milliseconds(500)
    /// The interval while a shard is refusing requests, so that there is room by the time clients retry.
    private static let turnSoon = Duration.milliseconds(100)
    /// Days whose shares are set in Redis ahead of time: how long the control plane may be down.
    private static let daysAhead: Int64 = 3
    private static let daysKept: Int64 = 7
    /// A shard counts as active for this long after its last request, by Redis's clock.
    private static let activeMs: Int64 = 30_000
    /// A refusal counts as demand for this long: clients that are refused are told to retry after a second.
    private static let refusedMs: Int64 = 4_000

    private let redis: StateRedis
    private let store: PublicationStore
    private let metrics: MetricsRegistry
    private let log: Logger
    private var random = SystemRandomNumberGenerator()
    /// By pool and shard: the request count last seen, and when it changed.
    private var activity: [String: [Shard: (requests: Int64, atMs: Int64)]] = [:]
    /// By pool: the day (`yyyymmdd`) and the ceiling for which the coming days were last prepared.
    private var prepared: [String: Prepared] = [:]

    private struct Prepared: Equatable {
        var day: String
        var ceiling: Int64
    }

    /// The Redis process and generation each shard was read in. A write addressed to any other is refused.
    private typealias Lives = [Shard: String]

    init(redis: StateRedis, store: PublicationStore, metrics: MetricsRegistry, log: Logger) {
        self.redis = redis
        self.store = store
        self.metrics = metrics
        self.log = log
    }

    /// - Parameter process: the Redis process that is open for admissions; `nil` while there is none.
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

    /// Writes the shares of every pool to Redis again, which may be a new process or may have lost some.
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

    /// Creates the shares of the coming days, and writes to Redis those of all days that can still be charged.
    ///
    /// - Parameter mayLack: Redis may have lost a shrink. All shares get a new version first, so that a control plane
    ///   that has read such a shrink but not recorded it yet no longer can.
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

    /// Shrinks the shares of a coming day that exceed the ceiling because it was lowered.
    private func lower(
        _ shares: [PublicationStore.PoolShare], of pool: PublicationStore.Pool, day: String, in lives: Lives
    ) async throws {
        guard shares.reduce(0, { $0 + $1.nano }) > pool.ceiling else { return }
        let equal = pool.ceiling / Int64(Shard.count)
        try await shrink(
            shares.filter { $0.nano > equal }, to: { _ in equal }, of: pool, day: day, in: lives)
    }

    // MARK: A turn

    /// - Returns: whether a shard is refusing requests that could still be paid for.
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
        // Around midnight, the clocks of several Redis masters may be on different days.
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

    // MARK: Writes to Redis

    /// Shrinks shares: Redis reports how far it could go, and only then does PostgreSQL follow.
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
        // Redis has a newer version: from another control plane, or because the database was restored from a backup.
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

    /// - Returns: the replies of the shards that have counters, each with its share.
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

    /// `yyyymmdd`, in the limiter's format.
    private static func day(atMs now: Int64) -> String { String(UTCCalendar.periods(atMs: now).suffix(8)) }
}
