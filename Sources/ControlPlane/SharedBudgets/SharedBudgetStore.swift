internal import PlaneContract
package import Postgres

/// The shared daily budgets of plans, and their division among the shards, in PostgreSQL.
package struct SharedBudgetStore: BudgetShares {
    private let pool: PostgresPool

    /// - Parameter pool: connects as a role that may write `pool_share`.
    package init(_ pool: PostgresPool) { self.pool = pool }

    /// The plans that have a shared budget, by name.
    package func budgets() async throws -> [SharedBudget] {
        try await pool.query(
            """
            select name, nano_usd_per_day_all_orgs, org_nano_usd_per_day from plan
            where nano_usd_per_day_all_orgs is not null order by name
            """
        ).map {
            SharedBudget(
                plan: $0.text("name"), ceiling: $0.integer("nano_usd_per_day_all_orgs"),
                perOrg: $0.optionalInteger("org_nano_usd_per_day"))
        }
    }

    /// The shares of a day by shard; empty for a day that was not begun.
    package func shares(_ plan: String, day: String) async throws -> [BudgetShare] {
        try await pool.query(
            "select shard, nano_usd, version from pool_share where plan = $1 and day = to_date($2, 'YYYYMMDD') order by shard",
            [plan, day]
        ).map(Self.share)
    }

    /// Like `shares`, but gives each share a new version first: writes of the old versions are then ignored.
    package func renewShares(_ plan: String, day: String) async throws -> [BudgetShare] {
        try await pool.query(
            """
            update pool_share set version = version + 1 where plan = $1 and day = to_date($2, 'YYYYMMDD')
            returning shard, nano_usd, version
            """, [plan, day]
        ).map(Self.share)
    }

    /// Gives every shard an equal share of a day that has none yet.
    package func beginDay(_ plan: String, day: String) async throws {
        try await pool.query("select begin_pool_day($1, to_date($2, 'YYYYMMDD'))", [plan, day])
    }

    /// Raises the versions of shares that are about to shrink, so that no older write can make them grow again.
    ///
    /// Shares whose version has changed in the meantime are left out.
    package func raiseVersions(_ plan: String, day: String, _ shares: [BudgetShare]) async throws -> [BudgetShare] {
        try await pool.query(
            """
            update pool_share s set version = s.version + 1
            from unnest($3::integer[], $4::bigint[]) as named (shard, version)
            where s.plan = $1 and s.day = to_date($2, 'YYYYMMDD') and s.shard = named.shard and s.version = named.version
            returning s.shard, s.nano_usd, s.version
            """, [plan, day] + Self.arrays(shares).prefix(2)
        ).map(Self.share)
    }

    /// Grows shares in the given order, as far as the plan's ceiling allows.
    ///
    /// - Parameter shares: the desired amounts, with the current versions.
    /// - Returns: the shares that changed, with their new values.
    package func growShares(_ plan: String, day: String, _ shares: [BudgetShare]) async throws -> [BudgetShare] {
        try await pool.query(
            """
            select shard, nano_usd, version
            from grow_pool_shares($1, to_date($2, 'YYYYMMDD'), $3::integer[], $4::bigint[], $5::bigint[])
            """, [plan, day] + Self.arrays(shares)
        ).map(Self.share)
    }

    /// Records the shares that Redis reports. Ignores a share with an older version than the stored one.
    package func recordShares(_ plan: String, day: String, _ shares: [BudgetShare]) async throws {
        try await pool.query(
            "select note_pool_shares($1, to_date($2, 'YYYYMMDD'), $3::integer[], $4::bigint[], $5::bigint[])",
            [plan, day] + Self.arrays(shares))
    }

    /// Deletes shares of days that can no longer be charged.
    package func deleteShares(before day: String) async throws {
        try await pool.query("delete from pool_share where day < to_date($1, 'YYYYMMDD')", [day])
    }

    private static func arrays(_ shares: [BudgetShare]) -> [String] {
        [
            PostgresArray.literal(shares.map { String($0.shard.index) }),
            PostgresArray.literal(shares.map { String($0.version) }),
            PostgresArray.literal(shares.map { String($0.nano) }),
        ]
    }

    private static func share(_ row: PostgresRow) -> BudgetShare {
        BudgetShare(
            shard: Shard.all[Int(row.integer("shard"))], nano: row.integer("nano_usd"), version: row.integer("version"))
    }
}
