internal import Admission
internal import Journal
internal import LimiterClient
internal import PlaneContract
internal import Reactor
internal import Redis

/// How requests are sent again after Redis lost data; `ShardRecovery` decides when.
extension SettlementQueue {
    /// A generation before any real one.
    private static let generationZero = "0"
    /// Appends in flight at once: fewer than `RedisPipe.waitersMax`.
    private static let appendsInFlightMax = 4_000

    /// Sends everything of this shard again: Redis may have lost its last second.
    func replay(_ shard: Shard, loopID: String) {
        restore(shard, loopID: loopID)
        holdLedger.unconfirm(shard)
        for entry in holdLedger.ended(in: shard) { send(entry.request.id, retryMs: Self.retryMsMin) }
    }

    /// Moves this loop's requests to a shard's new generation, whose totals were rebuilt from the ledger.
    ///
    /// Running requests are held there from now on; those that ended before are only appended. What the lost
    /// generation had confirmed is appended again, unless `appendAll` already did so for this generation.
    func move(_ shard: Shard, to generation: String, loopID: String) {
        if appendedFor[shard] != generation { holdLedger.unconfirm(shard, andAcknowledged: false) }
        appendedFor[shard] = nil
        holdLedger.move(shard, to: generation)
        for open in holdLedger.running(in: shard) { journalRunning(open) }
        restore(shard, loopID: loopID)
        for entry in holdLedger.ended(in: shard) { send(entry.request.id, retryMs: Self.retryMsMin) }
    }

    private func restore(_ shard: Shard, loopID: String) {
        let generation = limiter.generation(of: shard)
        for open in holdLedger.running(in: shard) where !open.admission.isLocal {
            limiter.call({ RecoveryCalls.restore(open, generation: generation, loopID: loopID, into: &$0) }) { _ in }
        }
    }

    /// The shard is open: its new generation is in force, or a failover has undone the loss.
    func opened(_ shard: Shard) { appendedFor[shard] = nil }

    /// Appends what ended before the generation being prepared and is not in the ledger, so that lost counters can be
    /// rebuilt.
    ///
    /// Requests that already ended in that generation (adopted from an earlier worker) wait for it: appended as
    /// well, they would count twice.
    ///
    /// - Parameter done: runs once all of them were sent and answered.
    func appendAll(_ shard: Shard, for target: String, done: @escaping () -> Void) {
        appendedFor[shard] = target
        holdLedger.unconfirm(shard, andAcknowledged: false)
        let entries = holdLedger.ended(in: shard).filter {
            !$0.isAcknowledged && $0.generation != target && $0.request.target == .settled
        }
        for entry in entries where Int64(entry.generation) == nil { assignGenerationZero(entry) }
        append(entries[...], done: done)
    }

    /// Appends in batches that the connection can take.
    private func append(_ entries: ArraySlice<HoldLedger.Ended>, done: @escaping () -> Void) {
        guard !entries.isEmpty else { return done() }
        let some = entries.prefix(Self.appendsInFlightMax)
        var unanswered = some.count
        for entry in some {
            append(entry, retryMs: Self.retryMsMin) { [self] in
                unanswered -= 1
                if unanswered == 0 { append(entries.dropFirst(some.count), done: done) }
            }
        }
    }

    /// Assigns a request that ended before any generation was known to `generationZero`.
    private func assignGenerationZero(_ entry: HoldLedger.Ended) {
        holdLedger.assign(entry.request.id, to: Self.generationZero)
        journal.write(JournalRecord(.ended, entry.request, generation: Self.generationZero, admittedMs: 0))
    }

    /// Reloads evicted requests from their records, so that they are sent again with the rest.
    func reload(_ records: [JournalRecord], of shard: Shard) {
        let evicted = holdLedger.evicted(in: shard)
        let requests = records.filter { $0.kind == .ended && evicted.contains($0.request.id) }
        holdLedger.reload(requests.map { ($0.request, $0.generation) }, of: shard, atMs: limiter.reactor.nowMs)
    }
}
