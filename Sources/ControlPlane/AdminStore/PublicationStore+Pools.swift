internal import GatewayModel
package import PlaneContract
internal import Postgres

/// The shared daily budgets of plans, and their division among the shards.
extension PublicationStore {
    /// A plan whose orgs share a daily budget.
    package struct Pool: Sendable {
        package var plan: String
        /// Nano-USD per UTC day, all orgs together.
        package var ceiling: Int64
        /// Nano-USD per UTC day for one org; `nil` for no limit.
        package var perOrg: Int64?
    }

    /// The most a shard may admit from a pool on a day.
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

    /// - Parameter day: `yyyymmdd`. The result is empty for a day without shares.
    package func poolShares(_ plan: String, day: String) async throws -> [PoolShare] {
        try await pool.query(
            "select shard, nano_usd, version from pool_share where plan = $1 and day = to_date($2, 'YYYYMMDD') order by shard",
            [plan, day]
        ).map(Self.poolShare)
    }

    /// Like `poolShares`, but gives each share a new version first.
    package func renewPoolShares(_ plan: String, day: String) async throws -> [PoolShare] {
        try await pool.query(
            """
            update pool_share set version = version + 1 where plan = $1 and day = to_date($2, 'YYYYMMDD')
            returning shard, nano_usd, version
            """, [plan, day]
        ).map(Self.poolShare)
    }

    /// Gives every shard an equal share of a day that has none yet.
    package func beginPoolDay(_ plan: String, day: String) async throws {
        try await pool.query("select begin_pool_day($1, to_date($2, 'YYYYMMDD'))", [plan, day])
    }

    /// Raises the versions of shares that are about to shrink, so that no older write can make them grow again.
    ///
    /// Shares whose version has changed in the meantime are left out.
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

    /// Grows shares in the given order, as far as the plan's ceiling allows.
    ///
    /// - Parameter shares: the desired amounts, with the current versions.
    /// - Returns: the shares that changed, with their new values.
    package func growPoolShares(_ plan: String, day: String, _ shares: [PoolShare]) async throws -> [PoolShare] {
        try await pool.query(
            """
            select shard, nano_usd, version
            from grow_pool_shares($1, to_date($2, 'YYYYMMDD'), $3::integer[], $4::bigint[], $5::bigint[])
            """, [plan, day] + Self.arrays(shares)
        ).map(Self.poolShare)
    }

    /// Records the shares reported by Redis.
    package func notePoolShares(_ plan: String, day: String, _ shares: [PoolShare]) async throws {
        try await pool.query(
            "select note_pool_shares($1, to_date($2, 'YYYYMMDD'), $3::integer[], $4::bigint[], $5::bigint[])",
            [plan, day] + Self.arrays(shares))
    }

    /// Deletes shares of days that can no longer be charged.
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

    /// The totals of each pool in each shard, for a Redis that lost them.
    ///
    /// Each request counts in the pool it was charged to, even if its org has another plan now.
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
