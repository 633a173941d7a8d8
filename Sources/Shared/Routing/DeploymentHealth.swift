/// What a worker knows of one deployment: measurements, breaker and cool-down.
package struct DeploymentHealth: Sendable, Equatable {
    /// A plain answer counts as late only after twice its usual time, and not before this.
    static let plainPatienceMs: Int64 = 10_000

    package private(set) var stats = DeploymentStats()
    package private(set) var breaker = CircuitBreaker()
    package private(set) var coolDown: (untilMs: Int64, class: FailureClass)?
    private var waiting = WaitingAttempts()
    private var waitingPlain = WaitingAttempts()
    /// When an attempt was sent last.
    private(set) var triedMs = Int64.min / 2

    package init() {}

    package init(stats: DeploymentStats) { self.stats = stats }

    package static func == (a: DeploymentHealth, b: DeploymentHealth) -> Bool {
        a.stats == b.stats && a.breaker == b.breaker && a.coolDown?.untilMs == b.coolDown?.untilMs
            && a.coolDown?.class == b.coolDown?.class && a.waiting == b.waiting && a.waitingPlain == b.waitingPlain
            && a.triedMs == b.triedMs
    }

    // MARK: What it comes to

    package func standing(atMs now: Int64) -> Standing {
        if let coolDown, now < coolDown.untilMs { return .out(coolDown.class.rawValue, untilMs: coolDown.untilMs) }
        switch breaker.standing(atMs: now) {
        case .closed: return .ready
        case .probeDue: return .probeDue
        case .open(let until): return .out("circuit_open", untilMs: until)
        }
    }

    /// Whether it is out for a reason that only an operator ends.
    func isDefinitelyOut(atMs now: Int64) -> Bool {
        coolDown.map { now < $0.untilMs && $0.class.isDefinite } ?? false
    }

    /// The time to the first token as it must be expected now, in milliseconds; `nil` when nothing is known.
    package func firstTokenMs(atMs now: Int64) -> Double? {
        var expected = stats.firstTokenMs
        let patience = stats.plainMs.map { max(Int64(min($0, 1e9)) * 2, Self.plainPatienceMs) } ?? Self.plainPatienceMs
        let lateness = [waiting.middleAgeMs(atMs: now), waitingPlain.middleAgeMs(atMs: now).map { $0 - patience }]
        for case let late? in lateness where late > 0 { expected = max(expected ?? 0, Double(late)) }
        return expected
    }

    /// Nothing is known, and few are about to find out.
    var isUnknown: Bool { stats.samples == 0 && waiting.count + waitingPlain.count < Exploration.firstTriesMax }

    /// Nothing was heard for a while and nobody is asking.
    func isStale(atMs now: Int64) -> Bool { now - max(stats.lastMs, triedMs) > Exploration.staleMs }

    // MARK: What happens

    mutating func claimProbe(atMs now: Int64) { breaker.claimProbe(atMs: now) }

    package mutating func began(streams: Bool, atMs now: Int64) {
        triedMs = now
        if streams { waiting.began(atMs: now) } else { waitingPlain.began(atMs: now) }
        breaker.attemptBegan(atMs: now)
    }

    package mutating func note(_ report: AttemptReport, openMs: Int64, atMs now: Int64) {
        let startedMs = report.startedMs
        if report.wasWaiting {
            if report.streams { waiting.ended(startedMs: startedMs) } else { waitingPlain.ended(startedMs: startedMs) }
        }
        switch report.note {
        case .streamed(let tokens, let overMs): stats.streamed(tokens: tokens, overMs: overMs)
        case .firstToken(let afterMs):
            works(startedMs: startedMs, atMs: now)
            stats.firstToken(afterMs: afterMs, atMs: now)
        case .answered(let tokens, let afterMs):
            works(startedMs: startedMs, atMs: now)
            stats.answered(tokens: tokens, afterMs: afterMs, atMs: now)
        case .failed(let failure, let askedMs):
            if failure.countsForBreaker {
                stats.failed(waitedMs: failure == .slow && report.wasWaiting ? now - startedMs : nil, atMs: now)
                breaker.failed(startedMs: startedMs, atMs: now, openMs: openMs)
            } else {
                breaker.probeReleased(atMs: now)
            }
            guard let length = failure.coolDownMs(askedMs: askedMs, openMs: openMs) else { return }
            if now + length >= coolDown?.untilMs ?? .min { coolDown = (now + length, failure) }
        case .noVerdict: breaker.probeReleased(atMs: now)
        }
    }

    private mutating func works(startedMs: Int64, atMs now: Int64) {
        let wasClosed = breaker.standing(atMs: now) == .closed
        breaker.succeeded(startedMs: startedMs, atMs: now)
        if !wasClosed, breaker.standing(atMs: now) == .closed { stats.recovered() }
    }

    /// Another worker found it out.
    mutating func adopt(outUntilMs until: Int64, atMs now: Int64) { breaker.adopt(openUntilMs: until, atMs: now) }
}

/// Whether a deployment may be tried.
package enum Standing: Sendable, Equatable {
    case ready
    /// It failed, its time has come, and one request may find out.
    case probeDue
    /// Named is why: a failure class, or `circuit_open`.
    case out(String, untilMs: Int64)

    var isOut: Bool { if case .out = self { true } else { false } }
}

/// How much of the traffic finds out about engines that are not the best known.
package enum Exploration {
    /// One request in so many goes to an engine of which nothing was heard for `staleMs`, if there is one.
    package static let oneIn = 50
    package static let staleMs: Int64 = 10_000
    /// So many requests at once may be the first of an engine.
    static let firstTriesMax = 3
}
