internal import GatewayModel
package import PlaneContract
package import Postgres

/// What the publisher reads: pending changes, key records, and the catalogue as one snapshot.
package struct PublicationStore: Sendable {
    /// Changes taken at once.
    static let changesMax = 1_000

    package struct Pending: Sendable {
        package var changeIDs: [String]
        package var keyIDs: Set<String>
        package var orgIDs: Set<String>
        package var catalogue: Bool
        package var isEmpty: Bool { changeIDs.isEmpty }
    }

    package struct StoredKey: Sendable {
        package var digest: String
        package var record: KeyRecord
    }

    let pool: PostgresPool

    package init(_ pool: PostgresPool) { self.pool = pool }

    package func pending() async throws -> Pending {
        let rows = try await pool.query(
            "select id, subject, subject_id from config_change where published_at is null order by id limit $1::integer",
            [String(Self.changesMax)])
        func subjects(_ subject: String) -> Set<String> {
            Set(rows.filter { $0.text("subject") == subject }.map { $0.text("subject_id") })
        }
        return Pending(
            changeIDs: rows.map { $0.text("id") }, keyIDs: subjects("key"), orgIDs: subjects("org"),
            catalogue: !subjects("catalogue").isEmpty)
    }

    package func markPublished(_ ids: [String]) async throws {
        try await pool.query(
            "update config_change set published_at = clock_timestamp() where id = any($1::bigint[])",
            [PostgresArray.literal(ids)])
    }

    /// The records of the keys named, and of all keys of the orgs named. `nil` for both: of all keys there are.
    package func keys(_ keyIDs: Set<String>?, orgs: Set<String>?) async throws -> [StoredKey] {
        let rows = try await pool.query(
            """
            select k.*, k.name as key_name, o.status as org_status, o.version as org_version, o.plan,
                o.requests_per_minute as own_requests_per_minute, o.tokens_per_minute as own_tokens_per_minute,
                o.concurrent_requests as own_concurrent_requests, o.requests_per_day as own_requests_per_day,
                o.requests_per_month as own_requests_per_month, o.nano_usd_per_day as own_nano_usd_per_day,
                o.nano_usd_per_month as own_nano_usd_per_month,
                (extract(epoch from k.expires_at) * 1000)::bigint as expires_ms, p.*
            from api_key k join org o on o.id = k.org_id join plan p on p.name = o.plan
            where ($1::text[] is null and $2::text[] is null) or k.id = any($1) or k.org_id = any($2)
            """, [keyIDs.map { PostgresArray.literal(Array($0)) }, orgs.map { PostgresArray.literal(Array($0)) }])
        return rows.map(Self.storedKey)
    }

    /// A plan's ceilings, tightened by what the org and the key set themselves.
    private static func storedKey(_ row: PostgresRow) -> StoredKey {
        let status: KeyRecord.Status =
            row.text("status") == "revoked" ? .revoked : row.text("org_status") == "suspended" ? .suspended : .active
        let record = KeyRecord(
            keyID: row.text("id"), orgID: row.text("org_id"), name: row.text("key_name"), plan: row.text("plan"),
            version: row.integer("version"), orgVersion: row.integer("org_version"), status: status,
            expiresAtMs: row.optionalInteger("expires_ms"), allowedModels: row.textArray("allowed_models"),
            keyLimits: LimitColumns.limits(of: row, prefix: "key_").tightened(by: LimitColumns.limits(of: row)),
            orgLimits: LimitColumns.limits(of: row, prefix: "org_").tightened(
                by: LimitColumns.limits(of: row, prefix: "own_")))
        return StoredKey(digest: row.text("digest"), record: record)
    }

    /// The totals a scope starts with when Redis lost its own: of the current UTC month and day.
    package struct Totals: Sendable {
        package var orgID: String
        package var scope: String
        /// `yyyymm` and `yyyymmdd`, as the limiter names its windows.
        package var monthPeriod: String
        package var dayPeriod: String
        package var month: (nano: Int64, requests: Int64)
        package var day: (nano: Int64, requests: Int64)
    }

    package func totals() async throws -> [Totals] {
        let rows = try await pool.query(
            """
            select org_id, key_id, to_char(now() at time zone 'utc', 'YYYYMM') as month_period,
                to_char(now() at time zone 'utc', 'YYYYMMDD') as day_period, sum(nano_usd)::bigint as month_nano, sum(requests)::bigint as month_requests,
                coalesce(sum(nano_usd) filter (where day = (now() at time zone 'utc')::date), 0)::bigint as day_nano,
                coalesce(sum(requests) filter (where day = (now() at time zone 'utc')::date), 0)::bigint as day_requests
            from spend where day >= date_trunc('month', now() at time zone 'utc')::date
            group by grouping sets ((org_id, key_id), (org_id))
            """)
        return rows.map { row in
            Totals(
                orgID: row.text("org_id"), scope: row["key_id"] ?? RedisKeys.orgScope(row.text("org_id")),
                monthPeriod: row.text("month_period"), dayPeriod: row.text("day_period"),
                month: (row.integer("month_nano"), row.integer("month_requests")),
                day: (row.integer("day_nano"), row.integer("day_requests")))
        }
    }

    package func generations() async throws -> [Int64] {
        try await pool.query("select gen from shard_epoch order by shard").map { $0.integer("gen") }
    }

    /// Starts a new life of a shard's counters; whoever seeded the one before is fenced off.
    package func raiseGeneration(of shard: Shard) async throws -> Int64 {
        try await pool.query(
            "update shard_epoch set gen = gen + 1 where shard = $1 returning gen", [String(shard.index)]
        )[0].integer("gen")
    }
}
