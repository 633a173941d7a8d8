internal import PlaneContract
internal import Postgres

extension LedgerStore {
    /// The totals of each shared budget in each shard, for a Redis that lost them.
    ///
    /// Each request counts in the budget it was charged to, even if its org has another plan now.
    package func sharedBudgetTotals() async throws -> [ScopeTotals] {
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
        let periods = try await currentPeriods()
        let groups = Dictionary(grouping: rows) { row in
            BudgetInShard(plan: row.text("plan"), shard: Shard(orgID: row.text("org_id")))
        }
        return groups.map { group, rows in
            func total(_ name: String) -> PeriodTotal {
                let some = rows.filter { $0.text("name") == name }
                return PeriodTotal(
                    period: periods.text(name), nano: some.reduce(0) { $0 + $1.integer("nano") },
                    requests: some.reduce(0) { $0 + $1.integer("requests") }, hits: 0, savedNano: 0)
            }
            return ScopeTotals(
                orgIDs: Set(rows.map { $0.text("org_id") }), scope: RedisKeys.poolScope(group.plan),
                month: total("month"), day: total("day"), previousMonth: total("month_before"),
                previousDay: total("day_before"))
        }
    }

    private struct BudgetInShard: Hashable {
        var plan: String
        var shard: Shard
    }
}
