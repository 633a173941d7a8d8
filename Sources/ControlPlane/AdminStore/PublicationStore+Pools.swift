internal import GatewayModel
package import PlaneContract
internal import Postgres

/// What the orgs of a plan may spend together, and how that is shared out over the shards.
extension PublicationStore {
    /// A plan with a daily sum for all of its orgs.
    package struct Pool: Sendable {
        package var plan: String
        /// Nano-USD a UTC day, all orgs together.
        package var ceiling: Int64
        /// Nano-USD a UTC day for one org; `nil` for no limit.
        package var perOrg: Int64?
    }

    /// What a shard may let through of a pool on a day, at most.
    package struct PoolShare: Sendable {
        package var shard: Shard
        package var nano: Int64
        package var version: Int64

        package init(shard: Shard, nano: Int64, version: Int64) {
            self.shard = shard
            self.nano = nano
            self.version = version
        }
    }

    package func pools() async throws -> [Pool] {
        try await pool.query(
            """
            select name, nano_usd_per_day_all_orgs, org_nano_usd_per_day from plan
            where nano_usd_per_day_all_orgs is not null order by name
            """
        ).map {
            Pool(
                plan: $0.text("name"), ceiling: $0.integer("nano_usd_per_day_all_orgs"),
                perOrg: $0.optionalInteger("org_nano_usd_per_day"))
        }
    }

    /// - Parameter day: `yyyymmdd`. Empty where the day has not begun.
    package func poolShares(_ plan: String, day: String) async throws -> [PoolShare] {
        try await pool.query(
            "select shard, nano_usd, version from pool_share where plan = $1 and day = to_date($2, 'YYYYMMDD') order by shard",
            [plan, day]
        ).map(Self.poolShare)
    }

    /// The same, each with a new version.
    package func renewPoolShares(_ plan: String, day: String) async throws -> [PoolShare] {
        try await pool.query(
            """
            update pool_share set version = version + 1 where plan = $1 and day = to_date($2, 'YYYYMMDD')
            returning shard, nano_usd, version
            """, [plan, day]
        ).map(Self.poolShare)
    }

    /// Gives every shard an equal share of a day that has not begun.
    package func beginPoolDay(_ plan: String, day: String) async throws {
        try await pool.query("select begin_pool_day($1, to_date($2, 'YYYYMMDD'))", [plan, day])
    }

    /// A version for shares that are about to be made smaller, so that nothing older makes them larger again. Those that have another
    /// version than named are left out.
    package func raisePoolVersions(_ plan: String, day: String, _ shares: [PoolShare]) async throws -> [PoolShare] {
        try await pool.query(
            """
            update pool_share s set version = s.version + 1
            from unnest($3::integer[], $4::bigint[]) as named (shard, version)
            where s.plan = $1 and s.day = to_date($2, 'YYYYMMDD') and s.shard = named.shard and s.version = named.version
            returning s.shard, s.nano_usd, s.version
            """, [plan, day] + Self.arrays(shares).prefix(2)
        ).map(Self.poolShare)
    }

    /// Makes shares larger in the order named, as far as the plan's sum goes.
    ///
    /// - Parameter shares: with the version each has, and what it shall be.
    /// - Returns: those that were changed, as they are now.
    package func growPoolShares(_ plan: String, day: String, _ shares: [PoolShare]) async throws -> [PoolShare] {
        try await pool.query(
            """
            select shard, nano_usd, version
            from grow_pool_shares($1, to_date($2, 'YYYYMMDD'), $3::integer[], $4::bigint[], $5::bigint[])
            """, [plan, day] + Self.arrays(shares)
        ).map(Self.poolShare)
    }

    /// Notes what Redis says of its shares.
    package func notePoolShares(_ plan: String, day: String, _ shares: [PoolShare]) async throws {
        try await pool.query(
            "select note_pool_shares($1, to_date($2, 'YYYYMMDD'), $3::integer[], $4::bigint[], $5::bigint[])",
            [plan, day] + Self.arrays(shares))
    }

    /// Drops shares of days so long ago that nothing is charged to them any more.
    package func dropPoolShares(before day: String) async throws {
        try await pool.query("delete from pool_share where day < to_date($1, 'YYYYMMDD')", [day])
    }

    private static func arrays(_ shares: [PoolShare]) -> [String] {
        [
            PostgresArray.literal(shares.map { String($0.shard.index) }),
            PostgresArray.literal(shares.map { String($0.version) }),
            PostgresArray.literal(shares.map { String($0.nano) }),
        ]
    }

    private static func poolShare(_ row: PostgresRow) -> PoolShare {
        PoolShare(
            shard: Shard.all[Int(row.integer("shard"))], nano: row.integer("nano_usd"), version: row.integer("version"))
    }

    /// The totals of each pool in each shard, for a Redis that lost them: by what each request counted in, whatever plan its org has
    /// now.
    package func poolTotals() async throws -> [Totals] {
        let rows = try await pool.query(
            """
            with today as (select (now() at time zone 'utc')::date as day),
            window_of as (
                select 'month' as name, date_trunc('month', day)::date as first, day as last from today
                union all select 'day', day, day from today
                union all select 'month_before', (date_trunc('month', day) - interval '1 month')::date,
                    (date_trunc('month', day) - interval '1 day')::date from today
                union all select 'day_before', day - 1, day - 1 from today
            )
            select s.plan, s.org_id, w.name, sum(s.nano_usd)::bigint as nano, sum(s.requests)::bigint as requests
            from pool_spend s join window_of w on s.day between w.first and w.last group by s.plan, s.org_id, w.name
            """)
        let periods = try await windowPeriods()
        let groups = Dictionary(grouping: rows) { row in
            PoolOfShard(plan: row.text("plan"), shard: Shard(orgID: row.text("org_id")))
        }
        return groups.map { group, rows in
            func total(_ name: String) -> WindowTotal {
                let some = rows.filter { $0.text("name") == name }
                return WindowTotal(
                    period: periods.text(name), nano: some.reduce(0) { $0 + $1.integer("nano") },
                    requests: some.reduce(0) { $0 + $1.integer("requests") }, hits: 0, savedNano: 0)
            }
            return Totals(
                orgIDs: Set(rows.map { $0.text("org_id") }), scope: RedisKeys.poolScope(group.plan),
                month: total("month"), day: total("day"), monthBefore: total("month_before"),
                dayBefore: total("day_before"))
        }
    }

    private struct PoolOfShard: Hashable {
        var plan: String
        var shard: Shard
    }
}
