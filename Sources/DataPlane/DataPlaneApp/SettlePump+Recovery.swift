internal import Admission
internal import Journal
internal import PlaneContract
internal import Redis

/// What is told again, and how, when Redis lost something: `ShardRecovery` says when.
extension SettlePump {
    /// A life that was before any other.
    private static let beforeAll = "0"

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
    func fileAll(_ shard: Shard, for life: String) {
        filed[shard] = life
        book.unconfirm(shard, andAcknowledged: false)
        for entry in book.ended(in: shard) where !entry.isAcknowledged && entry.generation != life {
            if Int64(entry.generation) == nil { date(entry) }
            file(entry, retryMs: Self.retryMsMin)
        }
    }

    /// It ended before any life was known: from now on it is of one before all.
    private func date(_ entry: HoldBook.Ended) {
        book.date(entry.request.id, in: Self.beforeAll)
        journal.write(JournalRecord(.ended, entry.request, generation: Self.beforeAll, admittedMs: 0))
    }

    /// The same for what is on disk only. `refused`: it is too late for that, and to be done again in the life to come.
    func file(fromDisk records: [JournalRecord], of shard: Shard, refused: @escaping () -> Void) {
        let forgotten = book.forgotten(in: shard)
        for record in records where record.kind == .ended && forgotten.contains(record.request.id) {
            limiter.call({ RecoveryCalls.append(record.request, into: &$0) }) { result in
                if case .success(let value) = result, value.array?.count != 2 { refused() }
            }
        }
    }
}
