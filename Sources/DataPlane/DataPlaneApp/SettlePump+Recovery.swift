internal import Admission
internal import Journal
internal import PlaneContract
internal import Reactor
internal import Redis

/// How requests are sent again after Redis lost data; `ShardRecovery` decides when.
extension SettlePump {
    /// A generation before any real one.
    private static let beforeAll = "0"
    /// Appends in flight at once: fewer than `RedisPipe.waitersMax`.
    private static let filingMax = 4_000

    /// Sends everything of this shard again: Redis may have lost its last second.
    func replay(_ shard: Shard, owner: String) {
        restore(shard, owner: owner)
        book.unconfirm(shard)
        for entry in book.ended(in: shard) { send(entry.request.id, retryMs: Self.retryMsMin) }
    }

    /// Moves this loop's requests to a shard's new generation, whose totals were rebuilt from the ledger.
    ///
    /// Running requests are held there from now on; those that ended before are only filed. What the lost generation
    /// had confirmed is filed again, unless `fileAll` already did so for this generation.
    func move(_ shard: Shard, to generation: String, owner: String) {
        if filed[shard] != generation { book.unconfirm(shard, andAcknowledged: false) }
        filed[shard] = nil
        book.move(shard, to: generation)
        for open in book.running(in: shard) { note(open) }
        restore(shard, owner: owner)
        for entry in book.ended(in: shard) { send(entry.request.id, retryMs: Self.retryMsMin) }
    }

    private func restore(_ shard: Shard, owner: String) {
        let generation = limiter.generation(of: shard)
        for open in book.running(in: shard) where !open.admission.isLocal {
            limiter.call({ RecoveryCalls.restore(open, generation: generation, owner: owner, into: &$0) }) { _ in }
        }
    }

    /// The shard is open: its new generation is in force, or a failover has undone the loss.
    func opened(_ shard: Shard) { filed[shard] = nil }

    /// Files what ended before the generation being prepared and is not in the ledger, so that lost counters can be
    /// rebuilt.
    ///
    /// Requests that already ended in that generation (adopted from an earlier worker) wait for it: filed as well, they
    /// would count twice.
    ///
    /// - Parameter done: runs once all of them were sent and answered.
    func fileAll(_ shard: Shard, for life: String, done: @escaping () -> Void) {
        filed[shard] = life
        book.unconfirm(shard, andAcknowledged: false)
        let entries = book.ended(in: shard).filter {
            !$0.isAcknowledged && $0.generation != life && $0.request.target == .settled
        }
        for entry in entries where Int64(entry.generation) == nil { date(entry) }
        file(entries[...], done: done)
    }

    /// Files in batches that the connection can take.
    private func file(_ entries: ArraySlice<HoldBook.Ended>, done: @escaping () -> Void) {
        guard !entries.isEmpty else { return done() }
        let some = entries.prefix(Self.filingMax)
        var unanswered = some.count
        for entry in some {
            file(entry, retryMs: Self.retryMsMin) { [self] in
                unanswered -= 1
                if unanswered == 0 { file(entries.dropFirst(some.count), done: done) }
            }
        }
    }

    /// Assigns a request that ended before any generation was known to `beforeAll`.
    private func date(_ entry: HoldBook.Ended) {
        book.date(entry.request.id, in: Self.beforeAll)
        journal.write(JournalRecord(.ended, entry.request, generation: Self.beforeAll, admittedMs: 0))
    }

    /// Reloads evicted requests from their records, so that they are sent again with the rest.
    func remember(_ records: [JournalRecord], of shard: Shard) {
        let forgotten = book.forgotten(in: shard)
        let requests = records.filter { $0.kind == .ended && forgotten.contains($0.request.id) }
        book.remember(requests.map { ($0.request, $0.generation) }, of: shard, atMs: limiter.reactor.nowMs)
    }
}
