internal import PlaneContract
package import Postgres

/// The ledger in PostgreSQL, as a rebuild reads it, and the generations of the shards.
package struct LedgerStore: RebuildLedger {
    let pool: PostgresPool

    /// - Parameter pool: connects as a role that may read the ledger and write `shard_epoch`.
    package init(_ pool: PostgresPool) { self.pool = pool }

    /// The totals of every key and org with spend in this or the previous month.
    package func totals() async throws -> [ScopeTotals] {
        let rows = try await pool.query(
            """
            with today as (select (now() at time zone 'utc')::date as day),
            window_of as (
                select 'month' as name, date_trunc('month', day)::date as first, day as last, to_char(day, 'YYYYMM') as period from today
                union all select 'day', day, day, to_char(day, 'YYYYMMDD') from today
                union all select 'month_before', (date_trunc('month', day) - interval '1 month')::date, (date_trunc('month', day) - interval '1 day')::date,
                    to_char(date_trunc('month', day) - interval '1 day', 'YYYYMM') from today
                union all select 'day_before', day - 1, day - 1, to_char(day - 1, 'YYYYMMDD') from today
            )
            select s.org_id, s.key_id, w.name, w.period, sum(s.nano_usd)::bigint as nano, sum(s.requests)::bigint as requests,
                sum(s.cache_hits)::bigint as hits, sum(s.saved_nano_usd)::bigint as saved_nano
            from spend s join window_of w on s.day between w.first and w.last
            group by grouping sets ((s.org_id, s.key_id, w.name, w.period), (s.org_id, w.name, w.period))
            """)
        let periods = try await currentPeriods()
        func scope(of row: PostgresRow) -> String { row["key_id"] ?? RedisKeys.orgScope(row.text("org_id")) }
        return Dictionary(grouping: rows, by: scope).map { scope, rows in
            let byName = Dictionary(rows.map { ($0.text("name"), $0) }) { $1 }
            func total(_ name: String) -> PeriodTotal {
                PeriodTotal(
                    period: periods.text(name), nano: byName[name]?.integer("nano") ?? 0,
                    requests: byName[name]?.integer("requests") ?? 0, hits: byName[name]?.integer("hits") ?? 0,
                    savedNano: byName[name]?.integer("saved_nano") ?? 0)
            }
            return ScopeTotals(
                orgIDs: [rows[0].text("org_id")], scope: scope, month: total("month"), day: total("day"),
                previousMonth: total("month_before"), previousDay: total("day_before"))
        }
    }

    /// The limiter's names of the current month and day and of the previous ones.
    func currentPeriods() async throws -> PostgresRow {
        try await pool.query(
            """
            select to_char(d, 'YYYYMM') as month, to_char(d, 'YYYYMMDD') as day,
                to_char(date_trunc('month', d) - interval '1 day', 'YYYYMM') as month_before, to_char(d - interval '1 day', 'YYYYMMDD') as day_before
            from (select now() at time zone 'utc' as d) as today
            """)[0]
    }

    /// The requests of the last hour that were reaped, and whose worker has not reported the real cost since.
    package func reapedRequests() async throws -> [ReapedRequest] {
        try await pool.query(
            """
            select r.id::text, r.org_id, r.nano_usd, to_char(r.admitted_at at time zone 'utc', 'YYYYMM') as month,
                to_char(r.admitted_at at time zone 'utc', 'YYYYMMDD') as on_day, r.pool is not null as has_pool
            from usage_event r
            where r.kind = 'reaped' and r.day >= (now() at time zone 'utc')::date - 1 and r.admitted_at > now() - interval '1 hour'
                and not exists (select from usage_event f where f.day = r.day and f.id = r.id and f.kind = 'final')
            """
        ).map {
            ReapedRequest(
                id: $0.text("id"), orgID: $0.text("org_id"), nano: $0.integer("nano_usd"), month: $0.text("month"),
                day: $0.text("on_day"), countsInSharedBudget: $0.bool("has_pool"))
        }
    }

    /// Orgs used within the last hour.
    ///
    /// A worker may still replay such a request to a Redis that lost it, or report the cost of one that was reaped.
    package func recentlyUsedOrgs() async throws -> Set<String> {
        let rows = try await pool.query(
            """
            select s.org_id from (select distinct org_id from spend where day >= (now() at time zone 'utc')::date - 1) s
            where exists (
                select from usage_event u where u.org_id = s.org_id and u.admitted_at > now() - interval '1 hour'
                    and u.day >= (now() at time zone 'utc')::date - 1)
            """)
        return Set(rows.map { $0.text("org_id") })
    }

    /// The last stream id in the ledger for each shard, by shard number.
    package func cursors() async throws -> [String] {
        try await pool.query("select last_id from ledger_cursor order by shard").map { $0.text("last_id") }
    }

    /// PostgreSQL's clock, in milliseconds since 1970.
    package func clockMs() async throws -> Int64 {
        let rows = try await pool.query("select (extract(epoch from clock_timestamp()) * 1000)::bigint as ms")
        return rows[0].integer("ms")
    }
}
