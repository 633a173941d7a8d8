internal import Admission
internal import Journal
internal import PlaneContract
internal import Reactor
internal import Redis

/// What is told again, and how, when Redis lost something: `ShardRecovery` says when.
extension SettlePump {
    /// A life that was before any other.
    private static let beforeAll = "0"
    /// Requests filed at once: fewer than may wait for replies.
    private static let filingMax = 4_000

    /// Redis may have lost its last second: everything of this shard is told again.
    func replay(_ shard: Shard, owner: String) {
        restore(shard, owner: owner)
        book.unconfirm(shard)
        for entry in book.ended(in: shard) { send(entry.request.id, retryMs: Self.retryMsMin) }
    }

    /// The shard lives anew, its totals put back from the ledger: running requests are held in it from now on, and what
    /// ended before is only filed. What the lost life had confirmed is filed again, unless it was for this one.
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

    /// The shard is open: what was prepared is over, or a failover has undone it.
    func opened(_ shard: Shard) { filed[shard] = nil }

    /// The shard's counters are lost: what ended before the life that is being prepared, and is not in the ledger yet, is filed,
    /// so that they can be put back from it. What a worker before this one ended in that life waits for it: filed, it would
    /// count there twice.
    ///
    /// - Parameter done: all that was to be filed was sent and answered.
    func fileAll(_ shard: Shard, for life: String, done: @escaping () -> Void) {
        filed[shard] = life
        book.unconfirm(shard, andAcknowledged: false)
        let entries = book.ended(in: shard).filter {
            !$0.isAcknowledged && $0.generation != life && $0.request.target == .settled
        }
        for entry in entries where Int64(entry.generation) == nil { date(entry) }
        file(entries[...], done: done)
    }

    /// So many at once that the connection takes them all.
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

    /// It ended before any life was known: from now on it is of one before all.
    private func date(_ entry: HoldBook.Ended) {
        book.date(entry.request.id, in: Self.beforeAll)
        journal.write(JournalRecord(.ended, entry.request, generation: Self.beforeAll, admittedMs: 0))
    }

    /// Of what is on disk only, this is to be told again with the rest.
    func remember(_ records: [JournalRecord], of shard: Shard) {
        let forgotten = book.forgotten(in: shard)
        let requests = records.filter { $0.kind == .ended && forgotten.contains($0.request.id) }
        book.remember(requests.map { ($0.request, $0.generation) }, of: shard, atMs: limiter.reactor.nowMs)
    }
}
