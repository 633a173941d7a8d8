package import Admission
internal import GatewayModel
package import Journal
package import LimiterClient
package import Logging
package import Operations
package import PlaneContract
internal import Reactor
internal import Redis

/// Carries every ended request to the ledger: journal first, then settle, then retry until confirmed.
///
/// A retry sends the same bytes and changes nothing if the first arrived, so a lost reply does no harm. A request is
/// remembered until the ledger has it, because Redis may lose it again.
package final class SettlementQueue {
    /// At this many unconfirmed settles nothing new is admitted.
    package static let unconfirmedMax = 50_000
    /// At this many remembered ended requests nothing new is admitted.
    package static let retainedMax = 200_000
    /// Unconfirmed settles and remembered requests above which no more requests of dead workers are adopted: the rest
    /// is for those admitted here.
    private static let adoptionUnconfirmedMax = 5_000
    private static let adoptionRetainedMax = retainedMax / 2
    /// How long a request is remembered after Redis confirmed it, even if the ledger has it: longer than what a
    /// failover can lose. While Redis is unreachable nothing is dropped.
    private static let retainedMs: Int64 = 30_000
    /// Beyond this age Redis may no longer know that a request was settled: it is only appended, and counted only
    /// if the ledger lacks it.
    private static let settleableMs: Int64 = 600_000
    static let retryMsMin: Int64 = 50
    private static let retryMsMax: Int64 = 5_000
    private static let acknowledgeEveryMs: Int64 = 500

    let limiter: LimiterConnection
    let journal: Journal
    private let metrics: MetricsRegistry
    private let log: Logger
    var holdLedger = HoldLedger()
    private var sending: Set<String> = []
    /// Ids the journal can forget; written there with the next look at the ledger.
    private var done: [String] = []
    /// Shards for whose next generation everything was appended, and that generation: requests that end from now on
    /// count in it.
    var appendedFor: [Shard: String] = [:]
    var mayEvict: () -> Bool = { true }
    /// Runs when Redis rejects a settle because of its generation.
    package var onFenced: (Shard) -> Void = { _ in }

    /// - Parameter journal: this loop's own.
    package init(_ limiter: LimiterConnection, journal: Journal, metrics: MetricsRegistry, log: Logger) {
        self.limiter = limiter
        self.journal = journal
        self.metrics = metrics
        self.log = log
    }

    /// Ended requests whose settle Redis has not confirmed.
    package var unconfirmedCount: Int { holdLedger.unconfirmedCount }
    /// Whether requests of the shard were evicted to disk.
    func hasEvicted(_ shard: Shard) -> Bool { holdLedger.hasEvicted(shard) }
    /// Whether nothing new may be admitted.
    package var isFull: Bool {
        holdLedger.unconfirmedCount >= Self.unconfirmedMax || holdLedger.endedCount >= Self.retainedMax
    }
    /// Whether nothing is running and the ledger has everything.
    package var isEmpty: Bool {
        holdLedger.openCount == 0 && holdLedger.unconfirmedCount == 0 && holdLedger.unacknowledged.isEmpty
    }

    // MARK: Request lifecycle

    /// The request runs from now on, under this admission.
    package func admitted(_ request: AdmitRequest, _ admission: Admission) {
        let scopes = request.caller.scopes
        // The client left before the reply arrived: the cancel is already on its way.
        guard holdLedger.ended(request.id.text) == nil else { return }
        journalRunning(holdLedger.admitted(request, admission, generation: limiter.generation(of: scopes.shard)))
    }

    /// Journals a running request: if no further record follows, it was interrupted and is charged this.
    func journalRunning(_ open: HoldLedger.Open) {
        let interrupted = SettleRequest(
            id: open.request.id.text, scopes: open.request.caller.scopes, target: .settled, cost: open.cost,
            tokens: open.request.estimatedTokens, event: open.event, periods: open.admission.periods,
            refundsRequest: false)
        journal.write(
            JournalRecord(.running, interrupted, generation: open.generation, admittedMs: open.admission.atMs))
    }

    /// Sends a report without retry: the next one supersedes it.
    package func report(_ report: ProgressReport, loopID: String, reply: @escaping (ProgressVerdict) -> Void) {
        let generation = limiter.generation(of: report.caller.scopes.shard)
        var asksForMore = false
        if let open = holdLedger.progressed(report) {
            asksForMore = report.hold > open.hold
            journalRunning(open)
        }
        limiter.call({ report.write(generation: generation, loopID: loopID, into: &$0) }, patient: !asksForMore) {
            [self] result in
            guard case .success(let value) = result, let items = value.array else { return reply(.unavailable) }
            let verdict = ProgressVerdict(reply: items.map { $0.string ?? "" })
            if case .held(let nano, _) = verdict { holdLedger.setHold(nano, of: report.id) }
            reply(verdict)
        }
    }

    /// The request has ended: journals its settle, and sends it until Redis confirms it.
    package func settle(_ request: SettleRequest) {
        accept(request, generation: limiter.generation(of: request.scopes.shard))
        send(request.id, retryMs: Self.retryMsMin)
    }

    /// Adopts requests of dead workers, as far as there is room. Their age comes from their ids; those too old to
    /// settle are only appended.
    ///
    /// - Returns: how many of the records, from the first on, are now in this loop's journal.
    package func adopt(_ records: [JournalRecord], wallMs: Int64) -> Int {
        var count = 0
        for record in records {
            guard canAdopt else { break }
            if let known = holdLedger.ended(record.request.id) {
                // Adopted before, but its record may be missing on disk.
                journal.write(JournalRecord(.ended, known.request, generation: known.generation, admittedMs: 0))
            } else {
                let ageMs = max(0, wallMs - (RequestID.milliseconds(of: record.request.id) ?? 0))
                accept(record.settlement, generation: record.generation, ageMs: ageMs)
                send(record.request.id, retryMs: Self.retryMsMin)
            }
            if journal.isDegraded { break }
            count += 1
        }
        return count
    }

    private var canAdopt: Bool {
        holdLedger.unconfirmedCount < Self.adoptionUnconfirmedMax && holdLedger.endedCount < Self.adoptionRetainedMax
            && !journal.isHalfFull
    }

    private func accept(_ request: SettleRequest, generation: String, ageMs: Int64 = 0) {
        let target = holdLedger.ended(
            request, generation: generation, preparing: appendedFor[request.scopes.shard],
            atMs: limiter.reactor.nowMs - ageMs)
        journal.write(JournalRecord(.ended, request, generation: target, admittedMs: 0))
    }

    // MARK: Sending

    func send(_ id: String, retryMs: Int64) {
        guard let entry = holdLedger.ended(id), entry.streamID == nil, !sending.contains(id) else { return }
        let shard = entry.request.scopes.shard
        let generation = limiter.generation(of: shard)
        guard !generation.isEmpty else { return retry(id, retryMs) }
        let isOld = limiter.reactor.nowMs - entry.endedMs > Self.settleableMs
        switch Self.order(entry.generation, generation) {
        // That generation is still being prepared. If it is not, a failover brought an older one back, and the request
        // counts there.
        case .later: if appendedFor[shard] == entry.generation { return retry(id, retryMs) }
        // A cancel has nothing to file and is sent: the request may have been reaped and charged.
        case .earlier: if entry.request.target == .settled { return append(entry, retryMs: retryMs) }
        case .same: if isOld, entry.request.target == .settled { return append(entry, retryMs: retryMs) }
        }
        sending.insert(id)
        limiter.call({ entry.request.write(generation: generation, into: &$0) }, patient: true) { [self] result in
            sending.remove(id)
            if case .success(let value) = result, let items = value.array?.map({ $0.string ?? "" }) {
                switch (items.first, items.count) {
                case ("0", 2): return confirm(id, StreamID(items[1]))
                case ("1", 3) where items[1] == "R" && entry.request.target == .cancelled:
                    return refundReaped(entry, generation: generation, reapedAt: StreamID(items[2]))
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

    /// Refunds a request that was reaped, and so charged, before its cancel arrived: only settling it at its real cost
    /// does that.
    private func refundReaped(_ entry: HoldLedger.Ended, generation: String, reapedAt place: StreamID?) {
        guard !entry.request.event.isEmpty else { return confirm(entry.request.id, place) }
        var charge = entry.request
        charge.target = .settled
        accept(charge, generation: generation)
        send(charge.id, retryMs: Self.retryMsMin)
    }

    private enum Order { case earlier, same, later }

    /// Compares two generations. A request that ended before any was known has none, and belongs to the first this loop
    /// learns.
    private static func order(_ target: String, _ now: String) -> Order {
        guard let target = Int64(target), let now = Int64(now), target != now else { return .same }
        return target < now ? .earlier : .later
    }

    /// Appends the event for the ledger only. Rebuilt totals include it, or the ingester counts it (`LateUsage`).
    ///
    /// - Parameter done: runs after Redis's reply, whatever it is.
    func append(_ entry: HoldLedger.Ended, retryMs: Int64, done: @escaping () -> Void = {}) {
        let id = entry.request.id
        // Append even while a settle is in flight: the lost shard refuses it, or lost its effect.
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
        holdLedger.confirmed(id, at: streamID, atMs: limiter.reactor.nowMs)
        if streamID == nil {
            journal.markDone(id)
            done.append(id)
        }
    }

    // MARK: Acknowledgements

    /// Drops what the ledger has, now and regularly from now on.
    package func followLedger() {
        for shard in holdLedger.unacknowledged {
            limiter.send(RedisCommand(["GET", RedisKeys.acknowledged(shard)])) { [self] result in
                guard case .success(let value) = result, let words = value.string?.split(separator: " "),
                    words.count == 3, words[0] == limiter.fence(of: shard).redisRunID,
                    words[1] == limiter.generation(of: shard), let upTo = StreamID(words[2])
                else { return }
                for id in holdLedger.acknowledged(shard, upTo: upTo) {
                    journal.markDone(id)
                    if holdLedger.ended(id) == nil { done.append(id) }
                }
            }
        }
        // While Redis is unreachable, confirmations do not become safe with age.
        if limiter.isConnected {
            let before = limiter.reactor.nowMs - Self.retainedMs
            done += holdLedger.dropAcknowledged(confirmedBefore: before)
            if !journal.isDegraded, mayEvict() { holdLedger.evict(confirmedBefore: before) }
        }
        journal.appendDone(done)
        done = []
        metrics.set("aihub_worker_journal_degraded", [("loop", journal.name)], to: journal.isDegraded ? 1 : 0)
        limiter.reactor.after(Self.acknowledgeEveryMs) { [self] in followLedger() }
    }
}
