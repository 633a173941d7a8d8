internal import FoundationEssentials
internal import GatewayModel
internal import LimitScripts
internal import Logging
internal import PlaneContract
internal import Postgres
internal import Redis

/// Counts requests that were appended to the stream of a live shard without touching its counters.
///
/// Their worker was away when the counters were rebuilt from the ledger, or they ended too long ago to be settled. They
/// are counted in Redis before the ledger records them. An interrupted run is repeated: each counted request leaves a
/// tombstone, so counting it again changes nothing.
struct LateUsage: Sendable {
    /// Longer than the ledger's `uncounted` may still return a request.
    private static let tombstoneMs: Int64 = 86_400_000

    let pool: PostgresPool
    let redis: any RedisCalling
    let log: Logger

    /// Counts the items that neither the shard's totals nor its counters include.
    func count(_ items: [UsageBatch.Appended]) async throws {
        guard !items.isEmpty else { return }
        // Redis only makes numeric generations; any other is refused by `count`.
        let items = items.filter { Int64($0.generation) != nil }
        let list = items.map { #"{"id":"\#($0.event.id)","life":\#($0.generation)}"# }.joined(separator: ",")
        let rows = try await pool.query("select id, reaped_nano_usd from uncounted($1::jsonb)", ["[" + list + "]"])
        let reaped = Dictionary(rows.map { ($0.text("id"), $0["reaped_nano_usd"] ?? "") }) { first, _ in first }
        let uncounted = items.filter { reaped[$0.event.id] != nil }
        guard !uncounted.isEmpty else { return }
        // Record the intent first: after a crash, the retry finds this row and counts the event then.
        try await pool.query(
            """
            insert into counted_late (id, life) select * from unnest($1::uuid[], $2::bigint[]) on conflict do nothing
            """,
            [PostgresArray.literal(uncounted.map(\.event.id)), PostgresArray.literal(uncounted.map(\.generation))])
        let replies = try await redis.pipeline(uncounted.map { Self.command($0, reaped: reaped[$0.event.id] ?? "") })
        for (item, reply) in zip(uncounted, replies) {
            // `count` is fenced by generation: if the shard was rebuilt in the meantime, its new stream counts the
            // event.
            guard case .failure(let error) = reply else { continue }
            guard case .refused(let reason) = error, reason.contains("user_function") else { throw error }
            // Unreadable counters of one scope must not hold up the ledger for all others.
            log.error(
                "cannot count late usage", metadata: ["request": "\(item.event.id)", "reason": "\(reason)"])
        }
    }

    private static func command(_ item: UsageBatch.Appended, reaped: String) -> RedisCommand {
        let event = item.event, shard = Shard.all[item.shard]
        let scopes =
            [event.keyID, RedisKeys.orgScope(event.orgID)] + (event.pool.map { [RedisKeys.poolScope($0)] } ?? [])
        let periods = scopes.map { _ in UTCCalendar.periods(atMs: event.admittedMs) }.joined(separator: ",")
        // As the worker would have settled it: a cached response still counts in the sliding window.
        let refund = event.saved != nil ? "2" : event.refundsRequest ? "1" : "0"
        return RedisCommand(
            function: LimitLibrary.Function.countLate.rawValue,
            keys: [RedisKeys.versions(shard), RedisKeys.hold(shard, event.id), RedisKeys.openHolds(shard)]
                + scopes.map { RedisKeys.budget(shard, $0) },
            arguments: [
                event.id, item.generation, String(event.cost.nano), String(event.usage.total),
                String(decoding: event.json, as: UTF8.self), String(tombstoneMs), periods, refund,
                reaped,
            ])
    }
}
