/// Queues calls to a server that takes a bounded number at once, with a queue per caller.
///
/// - Queues are served round robin, so a caller with one call waits for one call of each other caller, however many
///   those have queued (Nagle, RFC 970; all calls cost about the same, so no deficit is carried over).
/// - A queue may be as long as the room left for all queues (Choudhury and Hahne, "Dynamic Queue Length Thresholds",
///   1998): N callers that ask for everything get 1/(N + 1) of the room each, and the next caller finds room at once,
///   without evicting anybody.
/// - A queue accepts no more calls once its first call has waited for too long: it is then as long as the server's
///   current rate allows, and further calls are refused at once instead of after the wait (the signal CoDel uses, RFC
///   8289).
/// - The number of calls in flight adapts to the server's latency.
///
/// Beyond saturation the server's throughput therefore stays at its peak.
package struct FairQueue<Job> {
    package enum Placement: Sendable, Equatable {
        case starts
        case queued
        case refused
    }

    private struct Queued {
        var job: Job
        var sinceMs: Int64
    }

    private struct Account {
        var inFlight = 0
        var jobs = FirstInFirstOut<Queued>()
        var endedMs: Int64 = 0
        /// Whether it is listed in `ended`.
        var hasEnded = false
    }

    /// How long a caller without calls still counts as one of those that share.
    private static var rememberedMs: Int64 { 1_000 }

    /// Callers with calls in flight or queued, now or within `rememberedMs`.
    private var accounts: [String: Account] = [:]
    /// Callers that ran out of calls, each listed once, until they expire or return.
    private var ended = FirstInFirstOut<(caller: String, atMs: Int64)>()
    /// Callers with queued calls, each listed once, in the order they are served.
    private var turns = FirstInFirstOut<String>()
    private var inFlightLimit: AdaptiveLimit
    private let queuedMax: Int
    private let waitMs: Int64
    package private(set) var inFlight = 0
    package private(set) var queuedCount = 0

    /// - Parameters:
    ///   - queuedMax: queued calls in all queues together.
    ///   - waitMs: a queue whose first call has waited this long accepts no more.
    package init(inFlight: AdaptiveLimit, queuedMax: Int, waitMs: Int64) {
        inFlightLimit = inFlight
        self.queuedMax = queuedMax
        self.waitMs = waitMs
    }

    /// Whether one more call of this caller would be made or queued.
    package func hasRoom(for caller: String, atMs now: Int64) -> Bool {
        if startsAtOnce { return true }
        guard let account = accounts[caller] else { return queuedCount < queuedMax }
        return account.jobs.count < queuedMax - queuedCount && now - (account.jobs.first?.sinceMs ?? now) < waitMs
    }

    private var startsAtOnce: Bool { queuedCount == 0 && inFlight < inFlightLimit.value }

    /// Whether the caller has more calls in flight and queued than the average caller.
    package func isOverShare(_ caller: String) -> Bool {
        guard let account = accounts[caller] else { return false }
        return (account.inFlight + account.jobs.count) * accounts.count > inFlight + queuedCount
    }

    /// - Returns: for `starts`, make the call now, and call `ended` when it is over.
    package mutating func enqueue(_ caller: String, _ job: Job, atMs now: Int64) -> Placement {
        if startsAtOnce {
            accounts[caller, default: Account()].inFlight += 1
            inFlight += 1
            return .starts
        }
        guard hasRoom(for: caller, atMs: now) else { return .refused }
        accounts[caller, default: Account()].jobs.append(Queued(job: job, sinceMs: now))
        if accounts[caller]?.jobs.count == 1 { turns.append(caller) }
        queuedCount += 1
        return .queued
    }

    /// The next call to make, if one is queued and the limit allows. Call `ended` when it is over.
    package mutating func next(atMs now: Int64) -> (caller: String, job: Job, waitedMs: Int64)? {
        guard inFlight < inFlightLimit.value, let caller = turns.popFirst(),
            let next = accounts[caller]?.jobs.popFirst()
        else { return nil }
        if accounts[caller]?.jobs.isEmpty == false { turns.append(caller) }
        accounts[caller]?.inFlight += 1
        inFlight += 1
        queuedCount -= 1
        return (caller, next.job, now - next.sinceMs)
    }

    /// - Parameter tookUs: the server's latency in microseconds; `nil` when it was not asked.
    package mutating func ended(_ caller: String, tookUs: Int64?, atMs now: Int64) {
        if let tookUs {
            inFlightLimit.record(latencyUs: tookUs, isSaturated: inFlight >= inFlightLimit.value, atMs: now)
        }
        inFlight -= 1
        guard var account = accounts[caller] else { return }
        account.inFlight -= 1
        if account.inFlight == 0, account.jobs.isEmpty {
            account.endedMs = now
            if !account.hasEnded { ended.append((caller, now)) }
            account.hasEnded = true
        }
        accounts[caller] = account
        forget(before: now - Self.rememberedMs)
    }

    /// See `AdaptiveLimit.forgetMinimum`.
    package mutating func forgetMinimum() { inFlightLimit.forgetMinimum() }

    private mutating func forget(before: Int64) {
        while let first = ended.first, first.atMs <= before {
            _ = ended.popFirst()
            guard let account = accounts[first.caller] else { continue }
            accounts[first.caller]?.hasEnded = false
            guard account.inFlight == 0, account.jobs.isEmpty else { continue }
            if account.endedMs <= before {
                accounts[first.caller] = nil
            } else {
                accounts[first.caller]?.hasEnded = true
                ended.append((first.caller, account.endedMs))
            }
        }
    }
}

/// A queue in an array. The consumed prefix is dropped once it is half of the array.
struct FirstInFirstOut<Element> {
    private var items: [Element?] = []
    private var head = 0

    var count: Int { items.count - head }
    var isEmpty: Bool { count == 0 }

    var first: Element? { head < items.count ? items[head] : nil }

    mutating func append(_ item: Element) { items.append(item) }

    mutating func popFirst() -> Element? {
        guard head < items.count else { return nil }
        defer {
            items[head] = nil
            head += 1
            if head == items.count {
                items.removeAll(keepingCapacity: head <= 64)
                head = 0
            } else if head >= 64, head * 2 >= items.count {
                items.removeFirst(head)
                head = 0
            }
        }
        return items[head]
    }
}
