internal import AdminStore
internal import FoundationEssentials
internal import Ledger
internal import LimitScripts
internal import Logging
internal import Operations
internal import PlaneContract
internal import Redis
internal import Synchronization

/// Keeps the state Redis ready for admissions.
///
/// That needs the functions loaded, the counters of every shard present, and keys and snapshot in place.
///
/// If the counters survived a restart, the new Redis process opens once the workers have replayed into it. Reopening
/// also waits for this control plane, so that revocations in the lost second are pushed again first. Lost counters are
/// rebuilt from the ledger: see `ShardRebuild`.
final class RedisKeeper: Sendable {
    private static let lookEvery = Duration.milliseconds(250)
    private static let beatEvery = Duration.seconds(1)
    /// The assumed upper bound on what Redis lost when nothing tells how much.
    private static let lostMsMax: Int64 = 3_600_000
    private static let reconcileEvery = Duration.seconds(60)

    private let redis: StateRedis
    private let store: PublicationStore
    private let publisher: Publisher
    private let ledger: LedgerIngest
    private let pools: PoolKeeper
    private let metrics: MetricsRegistry
    private let log: Logger
    let owner = "control-" + String(UInt64.random(in: .min ... .max), radix: 36)
    private let rebuild: ShardRebuild
    private let filling = KeyFilling()
    private let state = Mutex(State())

    private struct State {
        var openedFor = ""
        var beatAt = ContinuousClock.now - .seconds(60)
        var reconciledAt = ContinuousClock.now
        var forgotAt = ContinuousClock.now - .seconds(3_600)
        /// The workers' event loops known when Redis last had all its counters.
        var owners: Set<String> = []
    }

    init(
        redis: StateRedis, store: PublicationStore, publisher: Publisher, ledger: LedgerIngest,
        pools: PoolKeeper, metrics: MetricsRegistry, log: Logger
    ) {
        self.redis = redis
        self.store = store
        self.publisher = publisher
        self.metrics = metrics
        self.log = log
        self.ledger = ledger
        self.pools = pools
        rebuild = ShardRebuild(redis: redis, store: store, metrics: metrics, log: log)
    }

    var isOpen: Bool { openProcess != nil }

    /// The Redis process this control plane has opened; `nil` while there is none.
    var openProcess: String? { state.withLock { $0.openedFor.isEmpty ? nil : $0.openedFor } }

    func run() async {
        while !Task.isCancelled {
            do {
                try await look()
            } catch {
                state.withLock { $0.openedFor = "" }
                if !Task.isCancelled { log.warning("state Redis is not ready", metadata: ["reason": "\(error)"]) }
                // Two control planes that rebuild at once keep overtaking each other, so one of them has to back off.
                if error is ShardRebuild.Overtaken { try? await Task.sleep(for: .seconds(Double.random(in: 0...4))) }
            }
            try? await Task.sleep(for: Self.lookEvery)
        }
        _ = try? await redis.all(
            Shard.all.map { StateRedis.call(.deregister, [RedisKeys.heartbeats($0)], [owner]) })
    }

    private func look() async throws {
        guard let run = try await redis.client.call("INFO", "server").runID else { return }
        try await checkMemory()
        let generations = try await redis.all(Shard.all.map { RedisCommand(["HGET", RedisKeys.versions($0), "gen"]) })
        let hasSnapshot = try await redis.client.call("EXISTS", RedisKeys.snapshot).integer == 1
        let areWhole = try await redis.client.call("EXISTS", RedisKeys.keysAreWhole).integer == 1
        var lost = zip(Shard.all, generations).filter { $0.1.string == nil }.map(\.0)
        let wasOpen = state.withLock { $0.openedFor == run }
        if wasOpen, lost.isEmpty, hasSnapshot, areWhole || filling.isRunning, try await hasFunctions() {
            try await beat(leavesMark: true)
            await forgetChanges()
            return try await reconcile()
        }

        let isNewProcess = state.withLock { $0.openedFor != run }
        state.withLock { $0.openedFor = "" }
        if try await !hasFunctions() {
            log.notice("limiter's library is loaded", metadata: ["revision": "\(LimitLibrary.revision)"])
            try await redis.all([RedisCommand(["FUNCTION", "LOAD", "REPLACE", LimitLibrary.source])])
        }
        if lost.isEmpty { try await beat() }
        if isNewProcess {
            await ledger.reread()
            lost += try await stopOlderLives(zip(Shard.all, generations).map { ($0, $1.string ?? "") })
        }
        if !lost.isEmpty { try await ledger.restart(lost) }
        // A new process may have lost its last second, including a revocation: push it again before opening.
        let isComplete = try await pushWhatMayBeLost()
        if !lost.isEmpty {
            try await rebuild.putBack(lost, in: run, workers: state.withLock { $0.owners })
        }
        try await pools.confirm()
        if let clocks = try await ClockComparison.now(redis, store), clocks.isApart {
            throw ClocksApart(aheadMs: clocks.aheadMs)
        }
        try await reopen(run: run)
        _ = await publisher.publish()
        state.withLock { $0.openedFor = run }
        if !isComplete { filling.start(publisher, log) }
        log.info("state Redis is open", metadata: ["run": "\(run.prefix(8))", "rebuilt": "\(lost.count)"])
    }

    /// - Returns: whether all keys are in Redis now. If all may be lost, only those in use are pushed here.
    private func pushWhatMayBeLost() async throws -> Bool {
        filling.stop()
        let marks = PushMarks(try await redis.client.call("HGETALL", RedisKeys.pushMarks))
        let form = try await redis.client.call("HGET", RedisKeys.keysAreWhole, "form").string
        guard let since = marks.since(for: owner), form == (try await publisher.form()) else {
            // A record that survived may belong to a key whose revocation was lost.
            if form != nil { try await publisher.publish(againSinceMs: try await store.clockMs() - Self.lostMsMax) }
            try await publisher.publishWhatIsUsed()
            return false
        }
        try await publisher.publish(againSinceMs: since)
        if !marks.over.isEmpty { try await redis.all([RedisCommand(["HDEL", RedisKeys.pushMarks] + marks.over)]) }
        return true
    }

    /// Refuses a Redis that may evict: limits and holds must not disappear.
    private func checkMemory() async throws {
        let memory = RedisMemory(try await redis.client.call("INFO", "memory"))
        metrics.set("aihub_control_redis_memory_used_bytes", to: Double(memory.usedBytes))
        metrics.set("aihub_control_redis_memory_max_bytes", to: Double(memory.maxBytes))
        guard memory.keepsEverything else { throw Evicting(policy: memory.policy) }
    }

    private struct Evicting: Error, CustomStringConvertible {
        let policy: String
        var description: String { "maxmemory-policy is \(policy): set it to noeviction, or budgets are forgotten" }
    }

    /// Stops generations that a failover has brought back after a newer one had begun: they lack what happened since.
    private func stopOlderLives(_ lives: [(shard: Shard, generation: String)]) async throws -> [Shard] {
        let newest = try await store.lives()
        let older = lives.filter { life in Int64(life.generation).map { $0 < newest[life.shard] ?? 0 } ?? false }
        guard !older.isEmpty else { return [] }
        log.warning("older lives of shards are back, and stopped", metadata: ["shards": "\(older.count)"])
        try await redis.all(older.map { StateRedis.call(.stop, [RedisKeys.versions($0.shard)], [$0.generation]) })
        return older.map(\.shard)
    }

    /// Whether Redis has exactly this program's library, or a newer one, which serves this program too.
    private func hasFunctions() async throws -> Bool {
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

    /// Sends this control plane's heartbeat, so that reopening waits for it, and notes which workers are alive.
    ///
    /// - Parameter leavesMark: true only once lost changes have been pushed again; until then the old mark tells which
    ///   ones.
    private func beat(leavesMark: Bool = false) async throws {
        guard state.withLock({ ContinuousClock.now - $0.beatAt > Self.beatEvery }) else { return }
        let mark =
            leavesMark ? [RedisCommand(["HSET", RedisKeys.pushMarks, owner, String(try await store.clockMs())])] : []
        try await redis.all(
            Shard.all.map { StateRedis.call(.heartbeat, [RedisKeys.heartbeats($0)], [owner, "0"]) } + mark)
        let names = try await redis.client.call("HKEYS", RedisKeys.heartbeats(Shard.all[0])).array ?? []
        let owners = Set(names.compactMap(\.string).filter { $0.hasPrefix("w-") })
        state.withLock {
            $0.beatAt = .now
            // Redis was just wiped and no worker has reported since: keep the previous set.
            if !owners.isEmpty { $0.owners = owners }
        }
    }

    /// Raises counters in Redis that are below the ledger.
    private func reconcile() async throws {
        guard state.withLock({ ContinuousClock.now - $0.reconciledAt > Self.reconcileEvery }) else { return }
        state.withLock { $0.reconciledAt = .now }
        do {
            try await compareClocks()
            try await rebuild.raiseToLedger()
        } catch {
            log.warning("Redis is not compared with the ledger", metadata: ["reason": "\(error)"])
        }
    }

    private func forgetChanges() async {
        guard state.withLock({ ContinuousClock.now - $0.forgotAt > Self.reconcileEvery }) else { return }
        state.withLock { $0.forgotAt = .now }
        do {
            metrics.add("aihub_control_changes_forgotten_total", by: Double(try await store.forgetChanges()))
        } catch {
            log.warning("published changes are not taken out", metadata: ["reason": "\(error)"])
        }
    }

    /// Only logs an error: a Redis that is already open stays open, since its clock has already begun the period.
    private func compareClocks() async throws {
        guard let clocks = try await ClockComparison.now(redis, store) else { return }
        metrics.set("aihub_control_redis_clock_ahead_seconds", to: Double(clocks.aheadMs) / 1_000)
        if clocks.isApart { log.error("\(ClocksApart(aheadMs: clocks.aheadMs))") }
    }

    /// Tells every shard that this control plane has finished its part of the recovery.
    private func reopen(run: String) async throws {
        let generations = try await redis.all(Shard.all.map { RedisCommand(["HGET", RedisKeys.versions($0), "gen"]) })
        try await redis.all(
            zip(Shard.all, generations).map { shard, generation in
                StateRedis.call(
                    .reopen, [RedisKeys.processes(shard), RedisKeys.heartbeats(shard)],
                    [owner, run, generation.string ?? "", String(ShardRebuild.patienceMs)])
            })
    }
}
