/// What a worker knows about one deployment: measurements, breaker and cool-down.
///
/// **A failure caused by one key counts once for that key.** A client can provoke most failures: with a prompt that
/// thinks past the deadline, a parameter that makes the server fail, a response that is too large. Such a failure
/// counts
///
/// - in full for its own key (`KeyViews`): five failures in its last ten attempts take the deployment out for that key,
///   so an installation with one key has a plain breaker;
/// - once for all other keys, however often it is repeated: the deployment's own breaker opens when
///   `CircuitBreaker.failuresMax` different keys have failed among its last attempts. One key alone never opens it,
///   even if no other key has been heard: the next key finds out for itself at the price of a few fallbacks, and no
///   client can take a deployment away from others.
///
/// Failures that no client can provoke (no connection, a refused credential, an empty account, a rate limit, a wait the
/// provider asks for) count for all keys at once. Measurements are combined across keys likewise (`KeyVoices`). Only
/// what applies to all keys is shared with other workers.
package struct DeploymentHealth: Sendable, Equatable {
    /// A response that is not streamed counts as late only after twice its usual time, and never before this.
    static let plainPatienceMs: Int64 = 10_000

    package private(set) var stats = DeploymentStats()
    package private(set) var breaker = CircuitBreaker()
    package private(set) var coolDown: CoolDown?
    private var views = KeyViews()
    private var waiting = WaitingAttempts()
    private var waitingPlain = WaitingAttempts()
    /// When the last attempt was sent.
    private(set) var triedMs = Int64.min / 2

    package init() {}

    package init(stats: DeploymentStats) { self.stats = stats }

    // MARK: Verdicts

    /// - Parameter key: the key to judge for; `nil` for the view all other keys share.
    package func standing(for key: KeyMark? = nil, atMs now: Int64) -> Standing {
        if let coolDown, now < coolDown.untilMs { return .out(coolDown.class.rawValue, untilMs: coolDown.untilMs) }
        let shared = Standing(breaker.standing(atMs: now))
        guard !shared.isOut, let own = views[key]?.standing(atMs: now), own != .ready else { return shared }
        return own
    }

    /// Whether it is out for a reason that only an operator can fix.
    func isDefinitelyOut(for key: KeyMark?, atMs now: Int64) -> Bool {
        coolDown?.isDefinite(atMs: now) ?? false || views[key]?.isDefinitelyOut(atMs: now) ?? false
    }

    /// The time to the first token that a key should expect now, in milliseconds; `nil` when nothing is known.
    package func firstTokenMs(for key: KeyMark? = nil, atMs now: Int64) -> Double? {
        var expected = stats.firstTokenMs
        if let key, let own = stats.voices.ownFirstTokenMs(of: key, atMs: now) { expected = max(expected ?? 0, own) }
        let patience = stats.plainMs.map { max(Int64(min($0, 1e9)) * 2, Self.plainPatienceMs) } ?? Self.plainPatienceMs
        for (attempts, patience) in [(waiting, 0), (waitingPlain, patience)] {
            // The costly check runs only when the cheap one is alarming.
            guard let age = attempts.middleAgeMs(atMs: now), Double(age - patience) > max(0, expected ?? 0),
                let fair = attempts.fairAgeMs(for: key, voices: stats.voices, atMs: now), fair > patience
            else { continue }
            expected = max(expected ?? 0, Double(fair - patience))
        }
        return expected
    }

    /// Nothing is known yet, and few attempts are under way to find out.
    var isUnknown: Bool { stats.samples == 0 && waiting.count + waitingPlain.count < Exploration.firstTriesMax }

    /// Nothing was heard for a while and no attempt was sent, or everything known comes from one other key.
    func isStale(for key: KeyMark?, atMs now: Int64) -> Bool {
        if now - max(stats.lastMs, triedMs) > Exploration.staleMs { return true }
        return key.map { stats.isHearsay(for: $0, atMs: now) } ?? false
    }

    // MARK: Events

    mutating func claimProbe(for key: KeyMark, atMs now: Int64) {
        breaker.claimProbe(atMs: now)
        views.change(key) { $0.claimProbe(atMs: now) }
    }

    package mutating func began(for key: KeyMark, streams: Bool, atMs now: Int64) {
        triedMs = now
        if streams { waiting.began(for: key, atMs: now) } else { waitingPlain.began(for: key, atMs: now) }
        breaker.attemptBegan(atMs: now)
        views.change(key) { $0.attemptBegan(atMs: now) }
    }

    package mutating func note(_ report: AttemptReport, openMs: Int64, atMs now: Int64) {
        let (key, startedMs) = (report.key, report.startedMs)
        if report.wasWaiting {
            if report.streams {
                waiting.ended(for: key, startedMs: startedMs)
            } else {
                waitingPlain.ended(for: key, startedMs: startedMs)
            }
        }
        switch report.note {
        case .streamed(let tokens, let overMs):
            stats.streamed(for: key, tokens: tokens, overMs: overMs, atMs: now)
        case .firstToken(let afterMs):
            works(report, atMs: now)
            stats.firstToken(for: key, afterMs: afterMs, atMs: now)
        case .answered(let tokens, let afterMs):
            works(report, atMs: now)
            stats.answered(for: key, tokens: tokens, afterMs: afterMs, atMs: now)
        case .failed(let failure, let askedMs):
            fails(failure, restMs: failure.coolDownMs(askedMs: askedMs, openMs: openMs), report, openMs, atMs: now)
        case .noVerdict: releaseProbe(of: key, atMs: now)
        }
    }

    private mutating func works(_ report: AttemptReport, atMs now: Int64) {
        let wasClosed = standing(for: report.key, atMs: now) == .ready
        breaker.succeeded(startedMs: report.startedMs, atMs: now)
        views.change(report.key) { $0.worked(startedMs: report.startedMs, atMs: now) }
        if !wasClosed, standing(for: report.key, atMs: now) == .ready { stats.recovered() }
    }

    private mutating func fails(
        _ failure: FailureClass, restMs: Int64?, _ report: AttemptReport, _ openMs: Int64, atMs now: Int64
    ) {
        let (key, startedMs) = (report.key, report.startedMs)
        if failure.mayBeProvoked {
            views.watch(key, atMs: now)
            views.change(key) {
                $0.failed(
                    failure, restMs: failure.restsForAll ? nil : restMs, startedMs: startedMs, atMs: now, openMs: openMs
                )
            }
        }
        if failure.countsForBreaker {
            let waitedMs = failure == .slow && report.wasWaiting ? now - startedMs : nil
            stats.failed(for: key, waitedMs: waitedMs, atMs: now)
            breaker.failed(
                for: failure.mayBeProvoked ? key : nil, startedMs: startedMs, atMs: now, openMs: openMs)
        } else {
            releaseProbe(of: key, atMs: now)
        }
        guard let restMs,
            failure.restsForAll || views.count(restingFor: failure, atMs: now) >= CircuitBreaker.failuresMax
        else { return }
        coolDown.extend(for: failure, untilMs: now + restMs)
    }

    private mutating func releaseProbe(of key: KeyMark, atMs now: Int64) {
        breaker.probeReleased(atMs: now)
        views.change(key) { $0.probeReleased(atMs: now) }
    }

    /// Another worker reports it as out.
    mutating func adopt(outUntilMs until: Int64, atMs now: Int64) { breaker.adopt(openUntilMs: until, atMs: now) }
}

/// Whether a deployment may be tried.
package enum Standing: Sendable, Equatable {
    case ready
    /// It failed, its pause is over, and one request may find out whether it works again.
    case probeDue
    /// Out for the named reason: a failure class, `circuit_open` or `provider_unreachable`.
    case out(String, untilMs: Int64)

    init(_ breaker: CircuitBreaker.Standing) {
        self =
            switch breaker {
            case .closed: .ready
            case .probeDue: .probeDue
            case .open(let until): .out("circuit_open", untilMs: until)
            }
    }

    var isOut: Bool { if case .out = self { true } else { false } }
}

/// How much traffic goes to deployments that are not the best known ones, to measure them.
package enum Exploration {
    /// One request in this many goes to a deployment that was not heard from for `staleMs`, if there is one.
    package static let oneIn = 50
    package static let staleMs: Int64 = 10_000
    /// At most this many concurrent requests may be a deployment's first.
    static let firstTriesMax = 3
}
