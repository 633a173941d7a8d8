internal import Admission
internal import GatewayModel
internal import Journal
internal import Logging
internal import Operations
internal import PlaneContract
internal import Reactor
internal import Redis

/// Sees every request through to the ledger: written to the journal before anything is sent, settled at once, repeated with
/// the same bytes until Redis has it, and remembered until the ledger has it, because Redis may lose it again. A repeated settle
/// changes nothing, so a lost reply does no harm.
final class SettlePump {
    /// Settles that Redis has not confirmed. Above it nothing new is admitted.
    static let waitingMax = 50_000
    /// Ended requests remembered in all; above it nothing new is admitted.
    static let rememberedMax = 200_000
    /// Settles not confirmed, and ended requests remembered, above which no more of dead workers are taken over: what is admitted
    /// here has the rest.
    private static let adoptingWaitingMax = 5_000
    private static let adoptingRememberedMax = rememberedMax / 2
    /// How long a request is remembered here after Redis has it, whether or not the ledger does, and longer while Redis is
    /// away: more than a failover can lose.
    private static let rememberedMs: Int64 = 30_000
    /// After this time Redis may have forgotten that a request was settled: it is filed, and counted only when the ledger does not
    /// have it.
    private static let settleableMs: Int64 = 600_000
    static let retryMsMin: Int64 = 50
    private static let retryMsMax: Int64 = 5_000
    private static let acknowledgeEveryMs: Int64 = 500

    let limiter: LimiterConnection
    let journal: Journal
    private let metrics: MetricsRegistry
    private let log: Logger
    var book = HoldBook()
    private var sending: Set<String> = []
    /// Ids of which nothing needs to be known any more, on disk either; written there with the next look at the ledger.
    private var done: [String] = []
    /// Shards for whose next life everything was filed, and that life: what ends there from now on counts in that one.
    var filed: [Shard: String] = [:]
    var mayForget: () -> Bool = { true }
    /// Told when Redis refuses a settle because the shard is not what this worker believes.
    var onFenced: (Shard) -> Void = { _ in }

    init(_ limiter: LimiterConnection, journal: Journal, metrics: MetricsRegistry, log: Logger) {
        self.limiter = limiter
        self.journal = journal
        self.metrics = metrics
        self.log = log
    }

    var waiting: Int { book.unconfirmedCount }
    /// Whether something of the shard is known to the disk alone.
    func hasForgotten(_ shard: Shard) -> Bool { book.hasForgotten(shard) }
    var isFull: Bool { book.unconfirmedCount >= Self.waitingMax || book.endedCount >= Self.rememberedMax }
    /// Whether the ledger has everything.
    var isEmpty: Bool { book.openCount == 0 && book.unconfirmedCount == 0 && book.unacknowledged.isEmpty }

    // MARK: The life of a request

    func admitted(_ request: AdmitRequest, _ admission: Admission) {
        let scopes = request.caller.scopes
        // Its caller left before the answer came: the cancel is on its way already.
        guard book.ended(request.id.text) == nil else { return }
        note(book.admitted(request, admission, generation: limiter.generation(of: scopes.shard)))
    }

    /// Should nothing follow, it was interrupted, and this is what it is charged.
    func note(_ open: HoldBook.Open) {
        let interrupted = SettleRequest(
            id: open.request.id.text, scopes: open.request.caller.scopes, target: .settled, cost: open.cost,
            tokens: open.request.estimatedTokens, event: open.event, periods: open.admission.periods,
            givesUnitBack: false)
        journal.write(
            JournalRecord(.running, interrupted, generation: open.generation, admittedMs: open.admission.atMs))
    }

    /// The next report says more, so a lost one is not repeated.
    func report(_ report: ProgressReport, owner: String, reply: @escaping (ProgressVerdict) -> Void) {
        let generation = limiter.generation(of: report.caller.scopes.shard)
        var asksForMore = false
        if let open = book.progressed(report) {
            asksForMore = report.hold > open.hold
            note(open)
        }
        limiter.call({ report.write(generation: generation, owner: owner, into: &$0) }, patient: !asksForMore) {
            [self] result in
            guard case .success(let value) = result, let items = value.array else { return reply(.unavailable) }
            let verdict = ProgressVerdict(reply: items.map { $0.string ?? "" })
            if case .held(let nano, _) = verdict { book.holds(nano, report.id) }
            reply(verdict)
        }
    }

    func settle(_ request: SettleRequest) {
        take(request, generation: limiter.generation(of: request.scopes.shard))
        send(request.id, retryMs: Self.retryMsMin)
    }

    /// Takes over what dead workers left on this disk, as far as there is room. How old a request is its id says: what is too old is only
    /// filed.
    ///
    /// - Returns: how many of the records are in the journal of this loop now, from the first on.
    func adopt(_ records: [JournalRecord], wallMs: Int64) -> Int {
        var count = 0
        for record in records {
            guard canAdopt else { break }
            if let known = book.ended(record.request.id) {
                // Taken before, and perhaps missing on disk.
                journal.write(JournalRecord(.ended, known.request, generation: known.generation, admittedMs: 0))
            } else {
                let ageMs = max(0, wallMs - (RequestID.milliseconds(of: record.request.id) ?? 0))
                take(record.settlement, generation: record.generation, ageMs: ageMs)
                send(record.request.id, retryMs: Self.retryMsMin)
            }
            if journal.isDegraded { break }
            count += 1
        }
        return count
    }

    private var canAdopt: Bool {
        book.unconfirmedCount < Self.adoptingWaitingMax && book.endedCount < Self.adoptingRememberedMax
            && !journal.isHalfFull
    }

    private func take(_ request: SettleRequest, generation: String, ageMs: Int64 = 0) {
        let life = book.ended(
            request, generation: generation, preparing: filed[request.scopes.shard],
            atMs: limiter.reactor.nowMs - ageMs)
        journal.write(JournalRecord(.ended, request, generation: life, admittedMs: 0))
    }

    // MARK: Sending

    func send(_ id: String, retryMs: Int64) {
        guard let entry = book.ended(id), entry.streamID == nil, !sending.contains(id) else { return }
        let shard = entry.request.scopes.shard
        let generation = limiter.generation(of: shard)
        guard !generation.isEmpty else { return retry(id, retryMs) }
        let isOld = limiter.reactor.nowMs - entry.endedMs > Self.settleableMs
        switch Self.order(entry.generation, generation) {
        // Its life is being prepared. Else a failover has brought an older life back, and it counts in that.
        case .later: if filed[shard] == entry.generation { return retry(id, retryMs) }
        // A cancel has nothing to file; but it may have been reaped, and charged.
        case .earlier: if entry.request.target == .settled { return file(entry, retryMs: retryMs) }
        case .same: if isOld, entry.request.target == .settled { return file(entry, retryMs: retryMs) }
        }
        sending.insert(id)
        limiter.call({ entry.request.write(generation: generation, into: &$0) }, patient: true) { [self] result in
            sending.remove(id)
            if case .success(let value) = result, let items = value.array?.map({ $0.string ?? "" }) {
                switch (items.first, items.count) {
                case ("0", 2): return confirm(id, StreamID(items[1]))
                case ("1", 3) where items[1] == "R" && entry.request.target == .cancelled:
                    return takeBack(entry, generation: generation, reapedAt: StreamID(items[2]))
                case ("1", 3): return confirm(id, StreamID(items[2]))
                case ("3", _): onFenced(shard)
                default: break
                }
            }
            if case .failure(.refused(let message)) = result {
                log.error("settle refused", metadata: ["reason": "\(message)", "request": "\(id)"])
            }
            retry(id, retryMs)
        }
    }

    /// It was reaped before it could be cancelled, and charged: only a final word that it cost nothing gives that back.
    private func takeBack(_ entry: HoldBook.Ended, generation: String, reapedAt place: StreamID?) {
        guard !entry.request.event.isEmpty else { return confirm(entry.request.id, place) }
        var word = entry.request
        word.target = .settled
        take(word, generation: generation)
        send(word.id, retryMs: Self.retryMsMin)
    }

    private enum Order { case earlier, same, later }

    /// Lives are numbered. A request that ended before any was known belongs to whichever this loop meets first.
    private static func order(_ life: String, _ now: String) -> Order {
        guard let life = Int64(life), let now = Int64(now), life != now else { return .same }
        return life < now ? .earlier : .later
    }

    /// Files an ended request without touching counters: the totals have it, or will, or whoever takes it in counts it.
    ///
    /// - Parameter done: runs with Redis's reply, whatever it is.
    func file(_ entry: HoldBook.Ended, retryMs: Int64, done: @escaping () -> Void = {}) {
        let id = entry.request.id
        // A settle of it may be under way: refused by the lost shard, or carried out and lost with it. Filed it must be.
        sending.insert(id)
        limiter.call({ RecoveryCalls.append(entry.request, into: &$0) }) { [self] result in
            sending.remove(id)
            if case .success(let value) = result, let items = value.array, items.count == 2 {
                confirm(id, StreamID(items[1].string ?? ""))
            } else {
                retry(id, retryMs)
            }
            done()
        }
    }

    private func retry(_ id: String, _ retryMs: Int64) {
        metrics.add("aihub_worker_settle_retries_total")
        limiter.reactor.after(retryMs) { [self] in send(id, retryMs: min(retryMs * 2, Self.retryMsMax)) }
    }

    private func confirm(_ id: String, _ streamID: StreamID?) {
        book.confirmed(id, at: streamID, atMs: limiter.reactor.nowMs)
        if streamID == nil {
            journal.done(id)
            done.append(id)
        }
    }

    // MARK: The ledger's word

    func followLedger() {
        for shard in book.unacknowledged {
            limiter.send(RedisCommand(["GET", RedisKeys.acknowledged(shard)])) { [self] result in
                guard case .success(let value) = result, let words = value.string?.split(separator: " "),
                    words.count == 3, words[0] == limiter.fence(of: shard).run,
                    words[1] == limiter.generation(of: shard), let upTo = StreamID(words[2])
                else { return }
                for id in book.acknowledged(shard, upTo: upTo) {
                    journal.done(id)
                    if book.ended(id) == nil { done.append(id) }
                }
            }
        }
        // While Redis is away nothing it had becomes safe.
        if limiter.isConnected {
            let before = limiter.reactor.nowMs - Self.rememberedMs
            done += book.dropAcknowledged(confirmedBefore: before)
            if !journal.isDegraded, mayForget() { book.forget(confirmedBefore: before) }
        }
        journal.noteDone(done)
        done = []
        metrics.set("aihub_worker_journal_degraded", [("loop", journal.name)], to: journal.isDegraded ? 1 : 0)
        limiter.reactor.after(Self.acknowledgeEveryMs) { [self] in followLedger() }
    }
}
