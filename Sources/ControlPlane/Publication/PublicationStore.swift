internal import AdminStore
internal import GatewayModel
internal import PlaneContract
package import Postgres

/// The configuration in PostgreSQL, as the publisher reads it.
package struct PublicationStore: PublicationSource {
    /// Urgent changes read in one round.
    static let changesMax = 1_000
    /// Bulk changes read in one round: an org may have thousands of keys.
    static let orgsMax = 200
    /// Keys per page when all are read.
    static let pageMax = 5_000

    let pool: PostgresPool

    /// - Parameter pool: connects as `gw_cp`.
    package init(_ pool: PostgresPool) { self.pool = pool }

    /// The next batch of unpublished changes, revocations and suspensions first.
    package func pending(_ lane: PublicationLane) async throws -> PendingChanges {
        let rows = try await pool.query(
            """
            select c.id, c.subject, c.subject_id
            from config_change c
            left join org o on c.subject = 'org' and o.id = c.subject_id
            left join api_key k on c.subject = 'key' and k.id = c.subject_id
            where c.published_at is null and (c.subject = 'org' and coalesce(o.status = 'active', false)) = ($1 = 'bulk')
            order by coalesce(k.status, o.status, 'active') = 'active', c.id limit $2::integer
            """, [lane.rawValue, String(lane == .urgent ? Self.changesMax : Self.orgsMax)])
        func subjects(_ subject: String) -> Set<String> {
            Set(rows.filter { $0.text("subject") == subject }.map { $0.text("subject_id") })
        }
        return PendingChanges(
            changeIDs: rows.map { $0.text("id") }, keyIDs: subjects("key"), orgIDs: subjects("org"),
            catalogue: !subjects("catalogue").isEmpty)
    }

    /// Records that these changes are in Redis. Call it only after the writes have succeeded.
    package func markPublished(_ ids: [String]) async throws {
        try await pool.query(
            "update config_change set published_at = clock_timestamp() where id = any($1::bigint[])",
            [PostgresArray.literal(ids)])
    }

    /// The records of the given keys and of all keys of the given orgs, one record per digest.
    package func keys(_ keyIDs: Set<String>, orgs: Set<String>) async throws -> [PublishedKey] {
        try await keys(
            "select * from api_key where id = any($1) or org_id = any($2)",
            [PostgresArray.literal(Array(keyIDs)), PostgresArray.literal(Array(orgs))])
    }

    /// One page of the records of all keys, ordered by key id.
    ///
    /// - Parameter id: the last key of the previous page; `nil` for the first page.
    /// - Returns: an empty array after the last page.
    package func keys(after id: String?) async throws -> [PublishedKey] {
        try await keys(
            "select * from api_key where $1::text is null or id > $1 order by id limit $2::integer",
            [id, String(Self.pageMax)])
    }

    /// - Parameter chosen: a query that selects the rows of `api_key`.
    private func keys(_ chosen: String, _ values: [String?]) async throws -> [PublishedKey] {
        let rows = try await pool.query(
            """
            select k.*, k.name as key_name, o.status as org_status, o.version as org_version, o.plan,
                o.requests_per_minute as own_requests_per_minute, o.tokens_per_minute as own_tokens_per_minute,
                o.concurrent_requests as own_concurrent_requests, o.requests_per_day as own_requests_per_day,
                o.requests_per_month as own_requests_per_month, o.nano_usd_per_day as own_nano_usd_per_day,
                o.nano_usd_per_month as own_nano_usd_per_month,
                s.digest as secret_digest,
                (extract(epoch from least(k.expires_at, s.valid_until)) * 1000)::bigint as expires_ms,
                coalesce(least(k.expires_at, s.valid_until) <= now(), false) as is_over,
                models_of(k) as callable_models, standard_concurrent_requests() as standard_concurrency, p.*
            from (\(chosen)) k join org o on o.id = k.org_id join plan p on p.name = o.plan cross join lateral (
                select k.digest, null::timestamptz as valid_until
                union all
                -- What ended longer ago is no longer in doubt: its last record said so.
                select r.digest, r.valid_until from retired_digest r
                where r.key_id = k.id and r.valid_until > now() - interval '30 days'
            ) s
            order by k.id
            """, values)
        return rows.map(Self.storedKey)
    }

    /// Builds a record whose limits are the plan's, tightened by those of the org and the key.
    ///
    /// A key or secret that has expired by the database's clock is published as revoked, so that no worker's clock
    /// decides.
    package static func storedKey(_ row: PostgresRow) -> PublishedKey {
        let status: KeyRecord.Status =
            row.text("status") == "revoked" || row.bool("is_over")
            ? .revoked : row.text("org_status") == "suspended" ? .suspended : .active
        let ceilings = LimitColumns.limits(of: row, prefix: "org_")
        let orgLimits = ceilings.tightened(by: LimitColumns.limits(of: row, prefix: "own_"))
        var keyLimits = LimitColumns.limits(of: row, prefix: "key_").tightened(by: LimitColumns.limits(of: row))
        keyLimits.concurrentRequests = keyLimits.concurrentRequests ?? row.optionalInteger("standard_concurrency")
        let record = KeyRecord(
            keyID: row.text("id"), orgID: row.text("org_id"), name: row.text("key_name"), plan: row.text("plan"),
            version: row.integer("version"), orgVersion: row.integer("org_version"), status: status,
            expiresAtMs: row.optionalInteger("expires_ms"), allowedModels: row.textArray("callable_models"),
            keyLimits: keyLimits, orgLimits: orgLimits,
            outagePolicy: row["outage_policy"].flatMap(OutagePolicy.init(rawValue:)),
            cacheSeconds: row.optionalInteger("cache_seconds"),
            limitsFromPlan: orgLimits.names(sharedWith: ceilings),
            planPerDay: row.optionalInteger("nano_usd_per_day_all_orgs").map(NanoUSD.init(_:)))
        return PublishedKey(digest: row.text("secret_digest"), record: record)
    }
}
