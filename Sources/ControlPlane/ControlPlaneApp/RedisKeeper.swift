internal import AdminStore
internal import LimitScripts
internal import Logging
internal import Operations
internal import PlaneContract
internal import Redis
internal import Synchronization

/// Keeps the state Redis fit for admissions: functions loaded, every shard's fence standing.
///
/// A shard whose fence survived is opened for the Redis process that runs now. A shard without one is new or was lost: it
/// starts a new life, with keys, versions, snapshot and the period's totals put back from PostgreSQL first.
final class RedisKeeper: Sendable {
    private static let lookEvery = Duration.milliseconds(250)

    private let redis: StateRedis
    private let store: PublicationStore
    private let publisher: Publisher
    private let onNewProcess: @Sendable () async -> Void
    private let metrics: MetricsRegistry
    private let log: Logger
    private let openedFor = Mutex("")

    init(
        redis: StateRedis, store: PublicationStore, publisher: Publisher, metrics: MetricsRegistry, log: Logger,
        onNewProcess: @escaping @Sendable () async -> Void
    ) {
        self.redis = redis
        self.store = store
        self.publisher = publisher
        self.metrics = metrics
        self.log = log
        self.onNewProcess = onNewProcess
    }

    var isOpen: Bool { openedFor.withLock { !$0.isEmpty } }

    func run() async {
        while !Task.isCancelled {
            do {
                try await look()
            } catch {
                openedFor.withLock { $0 = "" }
                if !Task.isCancelled { log.warning("state Redis is not ready", metadata: ["reason": "\(error)"]) }
            }
            try? await Task.sleep(for: Self.lookEvery)
        }
    }

    private func look() async throws {
        let info = try await redis.client.call("INFO", "server").string ?? ""
        guard let line = info.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix("run_id:") }) else {
            return
        }
        let run = String(line.dropFirst("run_id:".count))
        let fences = try await redis.all(Shard.all.map { RedisCommand(["HMGET", RedisKeys.fence($0), "gen", "run"]) })
        let hasSnapshot = try await redis.client.call("EXISTS", RedisKeys.snapshot).integer == 1
        let lost = zip(Shard.all, fences).filter { $0.1.array?.first?.string == nil }.map(\.0)
        let shut = zip(Shard.all, fences).filter { $0.1.array?.last?.string != run }
        if openedFor.withLock({ $0 }) == run, lost.isEmpty, shut.isEmpty, hasSnapshot { return }

        try await loadFunctions()
        await onNewProcess()
        // A new process may have lost its last second, a revocation in it too: all is pushed again before it is opened.
        try await publisher.publishEverything()
        if !lost.isEmpty { try await rebuild(lost, run: run) }
        for (shard, fence) in shut {
            guard let generation = fence.array?.first?.string else { continue }
            try await open(shard, generation: generation, run: run)
        }
        _ = await publisher.publish()
        openedFor.withLock { $0 = run }
        log.info("state Redis is open", metadata: ["run": "\(run.prefix(8))", "rebuilt": "\(lost.count)"])
    }

    private func loadFunctions() async throws {
        try await redis.all([RedisCommand(["FUNCTION", "LOAD", "REPLACE", LimitLibrary.source])])
    }

    private func rebuild(_ shards: [Shard], run: String) async throws {
        metrics.add("aihub_control_shards_rebuilt_total", by: Double(shards.count))
        let totals = Dictionary(grouping: try await store.totals()) { Shard(orgID: $0.orgID) }
        for shard in shards {
            // Another control plane may have rebuilt it meanwhile: its totals are as good, and settles already count on them.
            if try await redis.client.call("HGET", RedisKeys.fence(shard), "gen").string != nil { continue }
            let generation = String(try await store.raiseGeneration(of: shard))
            try await redis.all((totals[shard] ?? []).map { Self.seed($0, shard: shard, generation: generation) })
            try await open(shard, generation: generation, run: run)
        }
    }

    private func open(_ shard: Shard, generation: String, run: String) async throws {
        try await redis.all([StateRedis.call(.openShard, [RedisKeys.fence(shard)], [generation, run])])
    }

    private static func seed(_ totals: PublicationStore.Totals, shard: Shard, generation: String) -> RedisCommand {
        StateRedis.call(
            .seed, [RedisKeys.budget(shard, totals.scope)],
            [
                generation, totals.monthPeriod, String(totals.month.nano), String(totals.month.requests),
                totals.dayPeriod,
                String(totals.day.nano), String(totals.day.requests),
            ])
    }
}
