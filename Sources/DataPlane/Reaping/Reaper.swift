internal import Admission
internal import FoundationEssentials
internal import GatewayModel
internal import LimitScripts
package import Logging
package import LoopWatch
package import Operations
internal import PlaneContract
internal import Reactor
package import Redis

/// Sends this worker's heartbeats, and reaps the holds of dead workers, at the cost each last reported.
///
/// Every worker does so; reaping a hold twice changes nothing, so no lock is needed.
package struct Reaper: Sendable {
    static let holdsPerTurn = 200
    /// Delay until the next heartbeat after a failed one.
    static let retryMs = 250
    /// One sweep in this many looks at every hold.
    static let fullSweepEvery = 12

    let redis: RedisClient
    let loopStatuses: [LoopStatus]
    let heartbeatMs: Int
    let silenceMs: Int
    let metrics: MetricsRegistry
    let log: Logger
    private let heartbeats = HeartbeatRecord()

    /// - Parameters:
    ///   - loopStatuses: the loops that heartbeats are sent for.
    ///   - silenceMs: how long an owner may be silent before its holds are reaped.
    package init(
        redis: RedisClient, loopStatuses: [LoopStatus], heartbeatMs: Int, silenceMs: Int, metrics: MetricsRegistry,
        log: Logger
    ) {
        self.redis = redis
        self.loopStatuses = loopStatuses
        self.heartbeatMs = heartbeatMs
        self.silenceMs = silenceMs
        self.metrics = metrics
        self.log = log
    }

    /// Sends heartbeats and reaps until cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await heartbeatLoop() }
            group.addTask { await reapLoop() }
        }
    }

    private func heartbeatLoop() async {
        while !Task.isCancelled {
            let succeeded = await sendHeartbeats()
            await heartbeats.record(success: succeeded, within: .milliseconds(silenceMs))
            // Retry soon, so that a short return of Redis is not missed.
            try? await Task.sleep(for: .milliseconds(succeeded ? heartbeatMs : min(heartbeatMs, Self.retryMs)))
        }
    }

    /// Sweeps only while this worker's own heartbeats have got through for `silenceMs`: right after an outage of Redis
    /// every worker looks dead, and the holds of live ones must not be reaped.
    private func reapLoop() async {
        var turn = 0
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(heartbeatMs))
            guard !Task.isCancelled, await heartbeats.unbroken(for: .milliseconds(silenceMs)) else { continue }
            await sweep(isWhole: turn % Self.fullSweepEvery == 0)
            turn += 1
        }
    }

    private func sendHeartbeats() async -> Bool {
        let loopStatuses = loopStatuses.filter { !$0.isStalled }
        guard !loopStatuses.isEmpty else { return false }
        let began = Reactor.clockMs()
        let arguments = loopStatuses.flatMap {
            [$0.loopID, $0.isAdmittingLocally(atMs: began, withinMs: Int64(heartbeatMs)) ? "1" : "0"]
        }
        let count = RedisCommand(["HLEN", RedisKeys.heartbeats(Shard.all[0])])
        let heartbeats = Shard.all.map { command(.heartbeat, keys: [RedisKeys.heartbeats($0)], arguments) }
        guard let replies = try? await redis.pipeline(heartbeats + [count]),
            replies.allSatisfy({ if case .success = $0 { true } else { false } })
        else { return false }
        guard replies.first.map(isNewEnough) ?? false else { return false }
        let loops = (try? replies.last?.get().integer).map(Int.init) ?? loopStatuses.count
        for loopStatus in loopStatuses { loopStatus.recordHeartbeat(atMs: began, loops: loops) }
        return true
    }

    /// Whether the limiter's library has what this worker relies on; with an older one the heartbeat counts as failed.
    private func isNewEnough(_ reply: Result<RESPValue, RedisError>) -> Bool {
        let items = (try? reply.get())?.array ?? []
        let revision = items.count > 2 ? items[2].integer ?? 0 : 0
        guard revision < LimitLibrary.revision else { return true }
        log.error(
            "the limiter's library is older than this worker: update the control plane first",
            metadata: ["revision": "\(revision)", "needed": "\(LimitLibrary.revision)"])
        return false
    }

    /// Removes this worker's heartbeats, so that nobody waits for it.
    package func deregister() async {
        _ = try? await redis.pipeline(
            Shard.all.map { command(.deregister, keys: [RedisKeys.heartbeats($0)], loopStatuses.map(\.loopID)) })
    }

    /// - Parameter isWhole: looks at every hold, not only when an owner is known to be silent.
    private func sweep(isWhole: Bool) async {
        let calls = Shard.all.map { shard in
            command(
                .sweep, keys: [RedisKeys.openHolds(shard), RedisKeys.heartbeats(shard)],
                [String(silenceMs), String(Self.holdsPerTurn), isWhole ? "1" : "0"])
        }
        guard let replies = try? await redis.pipeline(calls) else { return }
        for (shard, reply) in zip(Shard.all, replies) {
            guard case .success(let value) = reply, let holds = value.array, !holds.isEmpty else { continue }
            await reap(holds.compactMap { $0.array?.map { $0.string ?? "" } }, in: shard)
        }
    }

    private func reap(_ holds: [[String]], in shard: Shard) async {
        guard let generation = try? await redis.call("HGET", RedisKeys.versions(shard), RedisField.generation).string
        else { return }
        for hold in holds where hold.count == 7 || hold.count == 8 {
            // What a worker that stops leaves is reaped by the others.
            if Task.isCancelled { return }
            guard let request = Self.reaping(hold) else {
                log.error("hold is unreadable and cannot be reaped", metadata: ["request": "\(hold[0])"])
                continue
            }
            var bytes: [UInt8] = []
            request.write(generation: generation, into: &bytes)
            let command = RedisCommand(encoded: bytes)
            guard let reply = try? await redis.call(command), reply.array?.first?.integer == 0 else { continue }
            metrics.add("aihub_worker_holds_reaped_total")
            log.warning(
                "hold of a dead worker reaped", metadata: ["request": "\(hold[0])", "loop": "\(hold[1])"])
        }
    }

    /// The settle for a hold `{rid, owner, at, cost, hold, event, periods}`; `nil` when it cannot be read.
    ///
    /// It charges what the last reported event says, never more than the hold. An eighth item marks a request that only
    /// began: its body had not been read, and it is abandoned at no charge.
    private static func reaping(_ hold: [String]) -> SettleRequest? {
        guard var event = try? JSONDecoder().decode(UsageEvent.self, from: Data(hold[5].utf8)),
            let admittedMs = Int64(hold[2]), let cost = Int64(hold[3]), let held = Int64(hold[4])
        else { return nil }
        event.admittedMs = admittedMs
        event.outcome = .interrupted
        event.cost = NanoUSD(min(cost, held))
        let onlyBegan = hold.count == 8
        return SettleRequest(
            id: hold[0], scopes: ScopeSet(keyID: event.keyID, orgID: event.orgID, pool: event.pool),
            target: onlyBegan ? .abandoned : .reaped, cost: event.cost, tokens: event.usage.total, event: event.json,
            periods: hold[6], refundsRequest: onlyBegan)
    }

    private func command(_ function: LimitLibrary.Function, keys: [String], _ arguments: [String]) -> RedisCommand {
        RedisCommand(function: function.rawValue, keys: keys, arguments: arguments)
    }
}

/// Records since when this worker's heartbeats have got through without a gap.
private actor HeartbeatRecord {
    private var since: ContinuousClock.Instant?
    private var last: ContinuousClock.Instant?

    func record(success succeeded: Bool, within gap: Duration) {
        let now = ContinuousClock.now
        guard succeeded else {
            since = nil
            return
        }
        if let last, now - last > gap { since = nil }
        since = since ?? now
        last = now
    }

    func unbroken(for duration: Duration) -> Bool { since.map { ContinuousClock.now - $0 >= duration } ?? false }
}
