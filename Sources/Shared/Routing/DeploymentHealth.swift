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
///   even if no other key has been measured: the next key finds out for itself at the price of a few fallbacks, and no
///   client can take a deployment away from others.
///
/// Failures that no client can provoke (no connection, a refused credential, an empty account, a rate limit, a wait the
/// provider asks for) count for all keys at once. Measurements are combined across keys likewise (`KeySamples`). Only
/// what applies to all keys is shared with other workers.
package struct DeploymentHealth: Sendable, Equatable {
    /// A response that is not streamed counts as late only after twice its usual time, and never before this.
    static let unstreamedPatienceMs: Int64 = 10_000

    package private(set) var stats = DeploymentStats()
    package private(set) var breaker = CircuitBreaker()
    package private(set) var coolDown: CoolDown?
    private var views = KeyViews()
    private var waiting = WaitingAttempts()
    private var waitingUnstreamed = WaitingAttempts()
    /// When the last attempt was sent.
    private(set) var triedMs = Int64.min / 2

    package init() {}

    /// Measurements of another worker, without breaker and cool-down.
    package init(stats: DeploymentStats) { self.stats = stats }

    // MARK: Verdicts

    /// Whether the deployment may be tried now; one key may be refused while others are not.
    ///
    /// - Parameter key: the key of the request; `nil` for the view that all other keys share.
    package func availability(for key: KeyHash? = nil, atMs now: Int64) -> Availability {
        if let coolDown, now < coolDown.untilMs { return .out(coolDown.class.rawValue, untilMs: coolDown.untilMs) }
        let shared = Availability(breaker.availability(atMs: now))
        guard !shared.isOut, let own = views[key]?.availability(atMs: now), own != .ready else { return shared }
        return own
    }

    /// Whether it is out for a reason that only an operator can fix.
    func isDefinitelyOut(for key: KeyHash?, atMs now: Int64) -> Bool {
        coolDown?.isDefinite(atMs: now) ?? false || views[key]?.isDefinitelyOut(atMs: now) ?? false
    }

    /// The time to the first token that a key should expect now, in milliseconds; `nil` when nothing is known.
    package func firstTokenMs(for key: KeyHash? = nil, atMs now: Int64) -> Double? {
        var expected = stats.firstTokenMs
        if let key, let own = stats.keySamples.ownFirstTokenMs(of: key, atMs: now) {
            expected = max(expected ?? 0, own)
        }
        let patience =
            stats.unstreamedMs.map { max(Int64(min($0, 1e9)) * 2, Self.unstreamedPatienceMs) }
            ?? Self.unstreamedPatienceMs
        for (attempts, patience) in [(waiting, 0), (waitingUnstreamed, patience)] {
            // The costly check runs only when the cheap one is alarming.
            guard let age = attempts.medianAgeMs(atMs: now), Double(age - patience) > max(0, expected ?? 0),
                let fair = attempts.perKeyMedianAgeMs(for: key, keySamples: stats.keySamples, atMs: now),
                fair > patience
            else { continue }
            expected = max(expected ?? 0, Double(fair - patience))
        }
        return expected
    }

    /// Nothing is known yet, and few attempts are under way to find out.
    var isUnknown: Bool { stats.samples == 0 && waiting.count + waitingUnstreamed.count < Exploration.firstTriesMax }

    /// Nothing was measured and no attempt was sent for a while, or everything known comes from one other key.
    func isStale(for key: KeyHash?, atMs now: Int64) -> Bool {
        if now - max(stats.lastMs, triedMs) > Exploration.staleMs { return true }
        return key.map { stats.isSecondHand(for: $0, atMs: now) } ?? false
    }

    // MARK: Events

    mutating func claimProbe(for key: KeyHash, atMs now: Int64) {
        breaker.claimProbe(atMs: now)
        views.change(key) { $0.claimProbe(atMs: now) }
    }

    /// An attempt was sent.
    package mutating func began(for key: KeyHash, streams: Bool, atMs now: Int64) {
        triedMs = now
        if streams { waiting.began(for: key, atMs: now) } else { waitingUnstreamed.began(for: key, atMs: now) }
        breaker.attemptBegan(atMs: now)
        views.change(key) { $0.attemptBegan(atMs: now) }
    }

    /// Updates averages, breaker and cool-down from one report.
    ///
    /// - Parameter openMs: how long the breaker's first opening lasts.
    package mutating func record(_ report: AttemptReport, openMs: Int64, atMs now: Int64) {
        let (key, startedMs) = (report.key, report.startedMs)
        if report.wasWaiting {
            if report.streams {
                waiting.ended(for: key, startedMs: startedMs)
            } else {
                waitingUnstreamed.ended(for: key, startedMs: startedMs)
            }
        }
        switch report.observation {
        case .streamed(let tokens, let overMs):
            stats.streamed(for: key, tokens: tokens, overMs: overMs, atMs: now)
        case .firstToken(let afterMs):
            recordSuccess(report, atMs: now)
            stats.firstToken(for: key, afterMs: afterMs, atMs: now)
        case .answered(let tokens, let afterMs):
            recordSuccess(report, atMs: now)
            stats.answered(for: key, tokens: tokens, afterMs: afterMs, atMs: now)
        case .failed(let failure, let retryAfterMs):
            recordFailure(
                failure, coolDownMs: failure.coolDownMs(retryAfterMs: retryAfterMs, openMs: openMs), report, openMs,
                atMs: now)
        case .noVerdict: releaseProbe(of: key, atMs: now)
        }
    }

    private mutating func recordSuccess(_ report: AttemptReport, atMs now: Int64) {
        let wasClosed = availability(for: report.key, atMs: now) == .ready
        breaker.succeeded(startedMs: report.startedMs, atMs: now)
        views.change(report.key) { $0.worked(startedMs: report.startedMs, atMs: now) }
        if !wasClosed, availability(for: report.key, atMs: now) == .ready { stats.recovered() }
    }

    private mutating func recordFailure(
        _ failure: FailureClass, coolDownMs: Int64?, _ report: AttemptReport, _ openMs: Int64, atMs now: Int64
    ) {
        let (key, startedMs) = (report.key, report.startedMs)
        if failure.mayBeProvoked {
            views.watch(key, atMs: now)
            views.change(key) {
                $0.failed(
                    failure, coolDownMs: failure.coolsDownForAll ? nil : coolDownMs, startedMs: startedMs, atMs: now,
                    openMs: openMs
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
        guard let coolDownMs,
            failure.coolsDownForAll || views.count(coolingDownAfter: failure, atMs: now) >= CircuitBreaker.failuresMax
        else { return }
        coolDown.extend(for: failure, untilMs: now + coolDownMs)
    }

    private mutating func releaseProbe(of key: KeyHash, atMs now: Int64) {
        breaker.probeReleased(atMs: now)
        views.change(key) { $0.probeReleased(atMs: now) }
    }

    /// Another worker reports it as out.
    mutating func adopt(outUntilMs until: Int64, atMs now: Int64) { breaker.adopt(openUntilMs: until, atMs: now) }
}

/// Whether a deployment may be tried.
package enum Availability: Sendable, Equatable {
    case ready
    /// It failed, its pause is over, and one request may find out whether it works again.
    case probeDue
    /// Out for the named reason: a failure class, `circuit_open` or `provider_unreachable`.
    case out(String, untilMs: Int64)

    init(_ breaker: CircuitBreaker.Availability) {
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
    /// One request in this many goes to a deployment without a measurement for `staleMs`, if there is one.
    package static let oneIn = 50
    package static let staleMs: Int64 = 10_000
    /// At most this many concurrent requests may be a deployment's first.
    static let firstTriesMax = 3
}
