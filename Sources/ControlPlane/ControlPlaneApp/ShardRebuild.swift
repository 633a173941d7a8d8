internal import AdminStore
internal import FoundationEssentials
internal import Ledger
internal import LimitScripts
internal import Logging
internal import Operations
internal import PlaneContract
internal import Redis

/// Rebuilds a shard's counters after Redis has lost all of them:
///
/// 1. The next generation gets a number in PostgreSQL, which fences off any other control plane that tries the same.
/// 2. The workers, whose calls now all return "fenced", append everything they know to have ended to the usage stream
///    (the barrier).
/// 3. The barrier closes: what is appended from now on belongs to the new generation and is counted there when the
///    ledger reads it (`LateUsage`). The ledger reads the stream to its end.
/// 4. Leftover requests and counters are removed. The totals of every scope come back from the ledger, as do the
///    charges of reaped requests.
/// 5. The generation begins and settles count again; admissions open once the workers have restored the holds of
///    running requests.
///
/// Nothing is admitted or counted before step 5, so a rebuild can be interrupted at any point and repeated. Redis
/// refuses each step once it was wiped again or another control plane has taken over, and the last one also if its
/// process has changed.
struct ShardRebuild: Sendable {
    static let patienceMs: Int64 = 3_000
    private static let patience = Duration.milliseconds(patienceMs)
    private static let drainPatience = Duration.seconds(30)
    private static let lookEvery = Duration.milliseconds(25)
    private static let batch = 500
    /// As long as the tombstone of a worker's settle.
    private static let tombstoneMs: Int64 = 900_000

    let redis: StateRedis
    let store: PublicationStore
    let metrics: MetricsRegistry
    let log: Logger

    /// - Parameters:
    ///   - run: the `run_id` of the Redis process.
    ///   - workers: the event loops to wait for; if empty, waits the full patience for any that report.
    func putBack(_ shards: [Shard], in run: String, workers: Set<String>) async throws {
        metrics.add("aihub_control_shards_rebuilt_total", by: Double(shards.count))
        let generations = try await store.raiseGenerations(of: shards)
        let filed = try await barrier(generations, workers)
        try await close(generations)
        try await drain(generations)
        guard try await redis.clear(Dictionary(generations) { first, _ in first }),
            try await store.beginLives(generations)
        else { throw Overtaken() }
        let totals = Dictionary(grouping: try await store.totals() + store.poolTotals()) { $0.shard }
        let reaped = Dictionary(grouping: try await store.reapedRequests()) { Shard(orgID: $0.orgID) }
        for (shard, generation) in generations {
            let seeds = (totals[shard] ?? []).map { Self.seed($0, shard, generation) }
            let tombs = (reaped[shard] ?? []).map { Self.restoreReaped($0, shard, generation) }
            let calls = seeds + tombs
            for start in stride(from: 0, to: calls.count, by: Self.batch) {
                let replies = try await redis.all(Array(calls[start..<min(start + Self.batch, calls.count)]))
                guard !replies.contains(where: { $0.array?.first?.integer == 3 }) else { throw Overtaken() }
            }
            let begun = try await redis.all(
                [StateRedis.call(.activate, [RedisKeys.versions(shard)], [String(generation), run])])
            guard begun[0].array?.first?.integer == 0 else { throw Overtaken() }
        }
        log.warning(
            "counters put back from the ledger",
            metadata: [
                "shards": "\(shards.count)", "workers that filed": "\(filed)", "workers known": "\(workers.count)",
            ])
    }

    /// Waits until every event loop has appended its events to each shard, but no longer than `patience`.
    private func barrier(_ generations: [(Shard, Int64)], _ workers: Set<String>) async throws -> Int {
        let calls = Self.barriers(generations)
        let deadline = ContinuousClock.now + Self.patience
        guard try await redis.all(calls).allSatisfy({ $0.array?.first?.integer == 1 }) else { throw Overtaken() }
        try await redis.all([RedisCommand(["PUBLISH", RedisKeys.doorbell, Doorbell.lost.message])])
        while true {
            let replies = try await redis.all(calls)
            guard replies.allSatisfy({ $0.array?.first?.integer == 0 }) else { throw Overtaken() }
            let filed = replies.map { Set($0.array?.dropFirst().compactMap(\.string) ?? []) }
            let isComplete = !workers.isEmpty && filed.allSatisfy { workers.isSubset(of: $0) }
            if isComplete || ContinuousClock.now > deadline { return filed.map(\.count).min() ?? 0 }
            try await Task.sleep(for: Self.lookEvery)
        }
    }

    private func close(_ generations: [(Shard, Int64)]) async throws {
        let replies = try await redis.all(
            generations.map { StateRedis.call(.close, Self.keys(of: $0.0), [String($0.1)]) })
        guard replies.allSatisfy({ $0.array?.first?.integer == 0 }) else { throw Overtaken() }
    }

    /// Waits until the ledger has read all current stream entries, checking that the barrier still stands.
    private func drain(_ generations: [(Shard, Int64)]) async throws {
        let ends = try await streamEnds(generations.map(\.0))
        let deadline = ContinuousClock.now + Self.drainPatience
        while !(try await hasTaken(ends)) {
            guard ContinuousClock.now < deadline else { throw NotDrained() }
            try await Task.sleep(for: Self.lookEvery)
            let replies = try await redis.all(Self.barriers(generations))
            guard replies.allSatisfy({ $0.array?.first?.integer == 0 }) else { throw Overtaken() }
        }
    }

    private static func barriers(_ generations: [(Shard, Int64)]) -> [RedisCommand] {
        generations.map { StateRedis.call(.barrier, keys(of: $0.0), [String($0.1)]) }
    }

    private static func keys(of shard: Shard) -> [String] { [RedisKeys.versions(shard), RedisKeys.processes(shard)] }

    /// The last entry of each shard's stream; shards with an empty stream are left out.
    private func streamEnds(_ shards: [Shard]) async throws -> [(shard: Shard, id: StreamID)] {
        let ends = try await UsageStreams(redis: redis.client).ends()
        return shards.compactMap { shard in ends[shard.index].map { (shard, $0) } }
    }

    private func hasTaken(_ ends: [(shard: Shard, id: StreamID)]) async throws -> Bool {
        let cursors = try await store.ledgerCursors().map { StreamID($0) }
        return ends.allSatisfy { end in cursors[end.shard.index].map { end.id <= $0 } ?? false }
    }

    struct Overtaken: Error, CustomStringConvertible {
        let description = "lost counters are being put back by somebody else, or Redis was wiped again meanwhile"
    }

    private struct NotDrained: Error, CustomStringConvertible {
        let description = "the ledger does not keep up, so lost counters cannot be put back yet"
    }

    /// Raises counters that are below the ledger: usage that was lost together with a worker and its disk.
    ///
    /// Skips orgs used recently, whose usage a worker may still replay and would count twice. Does nothing while the
    /// ledger is behind.
    func raiseToLedger() async throws {
        guard try await hasTaken(try await streamEnds(Shard.all)) else { return }
        let busy = try await store.busyOrgs()
        let totals = try await (store.totals() + store.poolTotals()).filter {
            $0.day.nano > 0 && busy.isDisjoint(with: $0.orgIDs)
        }
        for start in stride(from: 0, to: totals.count, by: Self.batch) {
            let some = totals[start..<min(start + Self.batch, totals.count)]
            let replies = try await redis.all(
                some.map { total in
                    StateRedis.call(
                        .raiseSpent, [RedisKeys.versions(total.shard), RedisKeys.budget(total.shard, total.scope)],
                        [total.month, total.day].flatMap { [$0.period, String($0.nano), String($0.requests)] })
                })
            for (total, reply) in zip(some, replies)
            where reply.array?.dropFirst().contains(where: { $0.string != "0" }) ?? false {
                metrics.add("aihub_control_scopes_raised_total")
                log.warning("a scope had spent less than the ledger says", metadata: ["scope": "\(total.scope)"])
            }
        }
    }

    private static func seed(_ totals: PublicationStore.Totals, _ shard: Shard, _ generation: Int64) -> RedisCommand {
        let windows = [totals.month, totals.day, totals.monthBefore, totals.dayBefore]
        return StateRedis.call(
            .seed, [RedisKeys.versions(shard), RedisKeys.budget(shard, totals.scope)],
            [String(generation)] + windows.flatMap { [$0.period, String($0.nano), String($0.requests)] }
                + windows.prefix(2).flatMap { [String($0.hits), String($0.savedNano)] })
    }

    private static func restoreReaped(
        _ reaped: PublicationStore.ReapedRequest, _ shard: Shard, _ generation: Int64
    ) -> RedisCommand {
        // One entry per scope: the key, the org and, if it counted in one, the pool.
        let periods = Array(repeating: "\(reaped.month)/\(reaped.day)", count: reaped.hasPool ? 3 : 2)
        return StateRedis.call(
            .restoreReaped, [RedisKeys.versions(shard), RedisKeys.hold(shard, reaped.id)],
            [String(generation), String(reaped.nano), periods.joined(separator: ","), String(tombstoneMs)])
    }
}
