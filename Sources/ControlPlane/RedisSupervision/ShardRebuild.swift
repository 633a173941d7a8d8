internal import FoundationEssentials
internal import Ledger
internal import LimitScripts
package import Logging
package import Operations
package import PlaneContract
internal import Redis
package import StateRedisAccess

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
package struct ShardRebuild: Sendable {
    private static let drainTimeout = Duration.seconds(30)
    private static let pollInterval = Duration.milliseconds(25)
    private static let batch = 500

    private let redis: StateRedis
    private let ledger: any RebuildLedger
    private let metrics: MetricsRegistry
    private let log: Logger
    private let barrierTimeout: Duration

    /// - Parameters:
    ///   - ledger: where totals come from, and the numbers of generations.
    ///   - barrierTimeout: how long workers that are known are waited for.
    package init(
        redis: StateRedis, ledger: any RebuildLedger, metrics: MetricsRegistry, log: Logger,
        barrierTimeout: Duration = .milliseconds(PlaneTiming.replayTimeoutMs)
    ) {
        self.barrierTimeout = barrierTimeout
        self.redis = redis
        self.ledger = ledger
        self.metrics = metrics
        self.log = log
    }

    /// - Parameters:
    ///   - runID: the `run_id` of the Redis process.
    ///   - workers: the event loops to wait for; if empty, waits the full `barrierTimeout` for any that report.
    /// - Throws: `FencedError`, `LedgerBehindError`, or the error of a store. All of it may be repeated.
    package func restoreCounters(of shards: [Shard], in runID: String, workers: Set<String>) async throws {
        metrics.add("aihub_control_shards_rebuilt_total", by: Double(shards.count))
        let generations = try await ledger.raiseGenerations(of: shards)
        let appended = try await barrier(generations, workers)
        try await closeBarrier(generations)
        try await drain(generations)
        guard try await redis.clear(Dictionary(generations) { first, _ in first }),
            try await ledger.beginGenerations(generations)
        else { throw FencedError() }
        let totals = Dictionary(grouping: try await ledger.totals() + ledger.sharedBudgetTotals()) { $0.shard }
        let reaped = Dictionary(grouping: try await ledger.reapedRequests()) { Shard(orgID: $0.orgID) }
        for (shard, generation) in generations {
            let seeds = (totals[shard] ?? []).map { Self.seed($0, shard, generation) }
            let settled = (reaped[shard] ?? []).map { Self.restoreReaped($0, shard, generation) }
            let calls = seeds + settled
            for start in stride(from: 0, to: calls.count, by: Self.batch) {
                let replies = try await redis.pipeline(Array(calls[start..<min(start + Self.batch, calls.count)]))
                guard !replies.contains(where: { $0.array?.first?.integer == 3 }) else { throw FencedError() }
            }
            let begun = try await redis.pipeline(
                [StateRedis.command(.activate, [RedisKeys.versions(shard)], [String(generation), runID])])
            guard begun[0].array?.first?.integer == 0 else { throw FencedError() }
        }
        log.warning(
            "rebuilt counters from the ledger",
            metadata: [
                "shards": "\(shards.count)", "workers_appended": "\(appended)", "workers_known": "\(workers.count)",
            ])
    }

    /// Waits until every event loop has appended its events to each shard, but no longer than `barrierTimeout`.
    private func barrier(_ generations: [(Shard, Int64)], _ workers: Set<String>) async throws -> Int {
        let calls = Self.barriers(generations)
        let deadline = ContinuousClock.now + barrierTimeout
        guard try await redis.pipeline(calls).allSatisfy({ $0.array?.first?.integer == 1 }) else { throw FencedError() }
        try await redis.pipeline([RedisCommand(["PUBLISH", RedisKeys.changeChannel, ChangeNotification.lost.message])])
        while true {
            let replies = try await redis.pipeline(calls)
            guard replies.allSatisfy({ $0.array?.first?.integer == 0 }) else { throw FencedError() }
            let appended = replies.map { Set($0.array?.dropFirst().compactMap(\.string) ?? []) }
            let isComplete = !workers.isEmpty && appended.allSatisfy { workers.isSubset(of: $0) }
            if isComplete || ContinuousClock.now > deadline { return appended.map(\.count).min() ?? 0 }
            try await Task.sleep(for: Self.pollInterval)
        }
    }

    private func closeBarrier(_ generations: [(Shard, Int64)]) async throws {
        let replies = try await redis.pipeline(
            generations.map { StateRedis.command(.close, Self.keys(of: $0.0), [String($0.1)]) })
        guard replies.allSatisfy({ $0.array?.first?.integer == 0 }) else { throw FencedError() }
    }

    /// Waits until the ledger has read all current stream entries, checking that the barrier still stands.
    private func drain(_ generations: [(Shard, Int64)]) async throws {
        let ends = try await streamEnds(generations.map(\.0))
        let deadline = ContinuousClock.now + Self.drainTimeout
        while !(try await hasIngested(ends)) {
            guard ContinuousClock.now < deadline else { throw LedgerBehindError() }
            try await Task.sleep(for: Self.pollInterval)
            let replies = try await redis.pipeline(Self.barriers(generations))
            guard replies.allSatisfy({ $0.array?.first?.integer == 0 }) else { throw FencedError() }
        }
    }

    private static func barriers(_ generations: [(Shard, Int64)]) -> [RedisCommand] {
        generations.map { StateRedis.command(.barrier, keys(of: $0.0), [String($0.1)]) }
    }

    private static func keys(of shard: Shard) -> [String] { [RedisKeys.versions(shard), RedisKeys.runIDs(shard)] }

    /// The last entry of each shard's stream; shards with an empty stream are left out.
    private func streamEnds(_ shards: [Shard]) async throws -> [(shard: Shard, id: StreamID)] {
        let ends = try await UsageStreams(redis: redis.client).ends()
        return shards.compactMap { shard in ends[shard.index].map { (shard, $0) } }
    }

    private func hasIngested(_ ends: [(shard: Shard, id: StreamID)]) async throws -> Bool {
        let cursors = try await ledger.cursors().map { StreamID($0) }
        return ends.allSatisfy { end in cursors[end.shard.index].map { end.id <= $0 } ?? false }
    }

    /// Redis refused a step: see the type's comment.
    package struct FencedError: Error, CustomStringConvertible {
        package let description = "another control plane is rebuilding the lost counters, or Redis was wiped again"
    }

    private struct LedgerBehindError: Error, CustomStringConvertible {
        let description =
            "the ledger has not read all usage yet, so the lost counters cannot be rebuilt; this is retried"
    }

    /// Raises counters that are below the ledger: usage that was lost together with a worker and its disk.
    ///
    /// Skips orgs used recently, whose usage a worker may still replay and would count twice. Does nothing while the
    /// ledger is behind.
    package func raiseCountersToLedger() async throws {
        guard try await hasIngested(try await streamEnds(Shard.all)) else { return }
        let busy = try await ledger.recentlyUsedOrgs()
        let totals = try await (ledger.totals() + ledger.sharedBudgetTotals()).filter {
            $0.day.nano > 0 && busy.isDisjoint(with: $0.orgIDs)
        }
        for start in stride(from: 0, to: totals.count, by: Self.batch) {
            let batch = totals[start..<min(start + Self.batch, totals.count)]
            let replies = try await redis.pipeline(
                batch.map { total in
                    StateRedis.command(
                        .raiseSpent, [RedisKeys.versions(total.shard), RedisKeys.budget(total.shard, total.scope)],
                        [total.month, total.day].flatMap { [$0.period, String($0.nano), String($0.requests)] })
                })
            for (total, reply) in zip(batch, replies)
            where reply.array?.dropFirst().contains(where: { $0.string != "0" }) ?? false {
                metrics.add("aihub_control_scopes_raised_total")
                log.warning("raised a counter that was below the ledger", metadata: ["scope": "\(total.scope)"])
            }
        }
    }

    private static func seed(_ totals: ScopeTotals, _ shard: Shard, _ generation: Int64) -> RedisCommand {
        let periods = [totals.month, totals.day, totals.previousMonth, totals.previousDay]
        return StateRedis.command(
            .seed, [RedisKeys.versions(shard), RedisKeys.budget(shard, totals.scope)],
            [String(generation)] + periods.flatMap { [$0.period, String($0.nano), String($0.requests)] }
                + periods.prefix(2).flatMap { [String($0.hits), String($0.savedNano)] })
    }

    private static func restoreReaped(
        _ reaped: ReapedRequest, _ shard: Shard, _ generation: Int64
    ) -> RedisCommand {
        // One entry per scope: the key, the org and, if it counted there, the shared budget.
        let periods = Array(repeating: "\(reaped.month)/\(reaped.day)", count: reaped.countsInSharedBudget ? 3 : 2)
        return StateRedis.command(
            .restoreReaped, [RedisKeys.versions(shard), RedisKeys.hold(shard, reaped.id)],
            [String(generation), String(reaped.nano), periods.joined(separator: ","), String(PlaneTiming.tombstoneMs)])
    }
}
