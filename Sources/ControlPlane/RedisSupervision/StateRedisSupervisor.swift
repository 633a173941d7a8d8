internal import FoundationEssentials
internal import LimitScripts
package import Logging
package import Operations
internal import PlaneContract
internal import Publication
internal import Redis
package import StateRedisAccess
internal import Synchronization

/// Keeps the state Redis ready for admissions.
///
/// That needs the functions loaded, the counters of every shard present, and keys and snapshot in place.
///
/// If the counters survived a restart, the new Redis process opens once the workers have replayed into it. Reopening
/// also waits for this control plane, so that revocations of the lost second are published again first. Lost counters
/// are rebuilt from the ledger: see `ShardRebuild`.
package final class StateRedisSupervisor: Sendable {
    private static let pollInterval = Duration.milliseconds(250)
    private static let heartbeatInterval = Duration.seconds(1)
    /// The longest loss that is assumed when nothing tells how much Redis lost.
    private static let lossMsMax: Int64 = 3_600_000
    private static let reconcileInterval = Duration.seconds(60)

    private let redis: StateRedis
    private let publisher: any ConfigurationPublishing
    private let ledger: any RebuildLedger
    private let ingest: any UsageRereading
    private let sharedBudgets: any ShareRewriting
    private let metrics: MetricsRegistry
    private let log: Logger
    /// Names this control plane in its heartbeat, watermark and secret report.
    package let instanceID = ProcessName.newControlPlane()
    private let rebuild: ShardRebuild
    private let keySet = KeySetPublisher()
    private let state = Mutex(State())

    private struct State {
        var openRunID = ""
        var heartbeatAt = ContinuousClock.now - .seconds(60)
        var reconciledAt = ContinuousClock.now
        var prunedAt = ContinuousClock.now - .seconds(3_600)
        /// The workers' event loops known when Redis last had all its counters.
        var loopIDs: Set<String> = []
    }

    /// - Parameter ingest: told to read again what a new Redis process may have numbered differently.
    package init(
        redis: StateRedis, publisher: any ConfigurationPublishing, ledger: any RebuildLedger,
        ingest: any UsageRereading, sharedBudgets: any ShareRewriting, metrics: MetricsRegistry, log: Logger
    ) {
        self.redis = redis
        self.publisher = publisher
        self.metrics = metrics
        self.log = log
        self.ledger = ledger
        self.ingest = ingest
        self.sharedBudgets = sharedBudgets
        rebuild = ShardRebuild(redis: redis, ledger: ledger, metrics: metrics, log: log)
    }

    /// Whether requests can be admitted.
    package var isOpen: Bool { openRunID != nil }

    /// The Redis process this control plane has opened; `nil` while there is none.
    package var openRunID: String? { state.withLock { $0.openRunID.isEmpty ? nil : $0.openRunID } }

    /// Runs until cancelled, then withdraws this control plane's heartbeats.
    package func run() async {
        while !Task.isCancelled {
            do {
                try await check()
            } catch {
                state.withLock { $0.openRunID = "" }
                if !Task.isCancelled { log.warning("state Redis is not ready", metadata: ["reason": "\(error)"]) }
                // Two control planes that rebuild at once keep fencing each other off, so one of them has to back off.
                if error is ShardRebuild.FencedError { try? await Task.sleep(for: .seconds(Double.random(in: 0...4))) }
            }
            try? await Task.sleep(for: Self.pollInterval)
        }
        _ = try? await redis.pipeline(
            Shard.all.map { StateRedis.command(.deregister, [RedisKeys.heartbeats($0)], [instanceID]) })
    }

    /// One turn: confirms that Redis is still open, or takes the steps that open it.
    package func check() async throws {
        guard let runID = try await redis.client.call("INFO", "server").runID else { return }
        try await checkMemory()
        let generations = try await generations()
        let hasSnapshot = try await redis.client.call("EXISTS", RedisKeys.snapshot).integer == 1
        let isKeySetComplete = try await redis.client.call("EXISTS", RedisKeys.keySetComplete).integer == 1
        var lost = zip(Shard.all, generations).filter { $0.1.string == nil }.map(\.0)
        let wasOpen = state.withLock { $0.openRunID == runID }
        if wasOpen, lost.isEmpty, hasSnapshot, isKeySetComplete || keySet.isRunning, try await hasLibrary() {
            try await sendHeartbeat(recordsWatermark: true)
            await pruneChanges()
            return try await reconcile()
        }

        let isNewProcess = state.withLock { $0.openRunID != runID }
        state.withLock { $0.openRunID = "" }
        if try await !hasLibrary() {
            log.notice("limiter library loaded", metadata: ["revision": "\(LimitLibrary.revision)"])
            try await redis.pipeline([RedisCommand(["FUNCTION", "LOAD", "REPLACE", LimitLibrary.source])])
        }
        if lost.isEmpty { try await sendHeartbeat() }
        if isNewProcess {
            await ingest.reread()
            lost += try await stopOlderGenerations(zip(Shard.all, generations).map { ($0, $1.string ?? "") })
        }
        if !lost.isEmpty { try await ingest.rereadFromStart(lost) }
        // A new process may have lost its last second, including a revocation: publish it again before opening.
        let isComplete = try await republishLostChanges()
        if !lost.isEmpty {
            try await rebuild.restoreCounters(of: lost, in: runID, workers: state.withLock { $0.loopIDs })
        }
        try await sharedBudgets.rewriteShares()
        if let skew = try await ClockSkew.measure(redis, ledger), skew.isExcessive {
            throw ClockSkewError(aheadMs: skew.aheadMs)
        }
        try await reopen(runID: runID)
        _ = await publisher.publish()
        state.withLock { $0.openRunID = runID }
        if !isComplete { keySet.start(log) { [publisher] in try await publisher.publishAllKeys() } }
        log.info("state Redis opened", metadata: ["run_id": "\(runID.prefix(8))", "rebuilt": "\(lost.count)"])
    }

    /// - Returns: whether the key set in Redis is complete. If all keys may be lost, only those in use are published.
    private func republishLostChanges() async throws -> Bool {
        keySet.stop()
        let marks = PublishedWatermarks(try await redis.client.call("HGETALL", RedisKeys.publishedUpTo))
        let format = try await redis.client.call("HGET", RedisKeys.keySetComplete, RedisField.format).string
        guard let since = marks.republishFromMs(for: instanceID), format == (try await publisher.recordFormat()) else {
            // A record that survived may belong to a key whose revocation was lost.
            if format != nil { try await publisher.republish(sinceMs: try await ledger.clockMs() - Self.lossMsMax) }
            try await publisher.publishSnapshotAndUsedKeys()
            return false
        }
        try await publisher.republish(sinceMs: since)
        if !marks.departed.isEmpty {
            try await redis.pipeline([RedisCommand(["HDEL", RedisKeys.publishedUpTo] + marks.departed)])
        }
        return true
    }

    /// Refuses a Redis that may evict: limits and holds must not disappear.
    private func checkMemory() async throws {
        let memory = RedisMemory(try await redis.client.call("INFO", "memory"))
        metrics.set("aihub_control_redis_memory_used_bytes", to: Double(memory.usedBytes))
        metrics.set("aihub_control_redis_memory_max_bytes", to: Double(memory.maxBytes))
        guard memory.neverEvicts else { throw EvictionPolicyError(policy: memory.policy) }
    }

    private struct EvictionPolicyError: Error, CustomStringConvertible {
        let policy: String
        var description: String { "maxmemory-policy is \(policy): set it to noeviction, or Redis may delete budgets" }
    }

    /// Stops generations that a failover has brought back after a newer one had begun: they lack what happened since.
    private func stopOlderGenerations(_ found: [(shard: Shard, generation: String)]) async throws -> [Shard] {
        let newest = try await ledger.begunGenerations()
        let older = found.filter { each in Int64(each.generation).map { $0 < newest[each.shard] ?? 0 } ?? false }
        guard !older.isEmpty else { return [] }
        log.warning("Redis came back with older generations: stopped them", metadata: ["shards": "\(older.count)"])
        try await redis.pipeline(
            older.map { StateRedis.command(.stop, [RedisKeys.versions($0.shard)], [$0.generation]) })
        return older.map(\.shard)
    }

    /// Whether Redis has exactly this program's library, or a newer one, which serves this program too.
    private func hasLibrary() async throws -> Bool {
        let reply = try await redis.client.call("FUNCTION", "LIST", "LIBRARYNAME", LimitLibrary.name, "WITHCODE")
        guard let code = Self.code(in: reply) else { return false }
        if code == LimitLibrary.source { return true }
        return LimitLibrary.revision(of: code).map { $0 > LimitLibrary.revision } ?? false
    }

    /// The text after `library_code` in a reply to `FUNCTION LIST … WITHCODE`.
    private static func code(in value: RESPValue) -> String? {
        guard let items = value.array else { return nil }
        for (at, item) in items.enumerated() {
            if item.string == "library_code", at + 1 < items.count { return items[at + 1].string }
            if let found = code(in: item) { return found }
        }
        return nil
    }

    /// Sends this control plane's heartbeat, so that reopening waits for it, and records which workers are alive.
    ///
    /// - Parameter recordsWatermark: true only once lost changes have been published again; until then the old
    ///   watermark tells which ones.
    private func sendHeartbeat(recordsWatermark: Bool = false) async throws {
        guard state.withLock({ ContinuousClock.now - $0.heartbeatAt > Self.heartbeatInterval }) else { return }
        let watermark =
            recordsWatermark
            ? [RedisCommand(["HSET", RedisKeys.publishedUpTo, instanceID, String(try await ledger.clockMs())])] : []
        try await redis.pipeline(
            Shard.all.map { StateRedis.command(.heartbeat, [RedisKeys.heartbeats($0)], [instanceID, "0"]) } + watermark)
        let names = try await redis.client.call("HKEYS", RedisKeys.heartbeats(Shard.all[0])).array ?? []
        let workers = Set(names.compactMap(\.string).filter(ProcessName.isWorker))
        state.withLock {
            $0.heartbeatAt = .now
            // Redis was just wiped and no worker has reported since: keep the previous set.
            if !workers.isEmpty { $0.loopIDs = workers }
        }
    }

    /// Raises counters in Redis that are below the ledger.
    private func reconcile() async throws {
        guard state.withLock({ ContinuousClock.now - $0.reconciledAt > Self.reconcileInterval }) else { return }
        state.withLock { $0.reconciledAt = .now }
        do {
            try await checkClocks()
            try await rebuild.raiseCountersToLedger()
        } catch {
            log.warning("cannot compare Redis with the ledger", metadata: ["reason": "\(error)"])
        }
    }

    /// Deletes changes that were published long ago, once a minute.
    private func pruneChanges() async {
        guard state.withLock({ ContinuousClock.now - $0.prunedAt > Self.reconcileInterval }) else { return }
        state.withLock { $0.prunedAt = .now }
        do {
            metrics.add("aihub_control_changes_forgotten_total", by: Double(try await publisher.pruneChanges()))
        } catch {
            log.warning("cannot delete old published changes", metadata: ["reason": "\(error)"])
        }
    }

    /// Only logs an error: a Redis that is already open stays open, since its clock has already begun the period.
    private func checkClocks() async throws {
        guard let skew = try await ClockSkew.measure(redis, ledger) else { return }
        metrics.set("aihub_control_redis_clock_ahead_seconds", to: Double(skew.aheadMs) / 1_000)
        if skew.isExcessive { log.error("\(ClockSkewError(aheadMs: skew.aheadMs))") }
    }

    /// The generation of every shard, null for one without counters.
    private func generations() async throws -> [RESPValue] {
        try await redis.pipeline(
            Shard.all.map { RedisCommand(["HGET", RedisKeys.versions($0), RedisField.generation]) })
    }

    /// Tells every shard that this control plane has finished its part of the recovery.
    private func reopen(runID: String) async throws {
        let generations = try await generations()
        try await redis.pipeline(
            zip(Shard.all, generations).map { shard, generation in
                StateRedis.command(
                    .reopen, [RedisKeys.runIDs(shard), RedisKeys.heartbeats(shard)],
                    [instanceID, runID, generation.string ?? "", String(PlaneTiming.replayTimeoutMs)])
            })
    }
}
