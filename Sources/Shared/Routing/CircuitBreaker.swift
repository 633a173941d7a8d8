/// Decides whether a failing deployment may be tried: closed, open for a while, then one probe.
///
/// A failure that a client may have provoked comes with the key of its request. However often one key fails, it counts
/// as one of the `failuresMax` failures that open the breaker, and its second failed probe in a row is ignored. A
/// failure without a key counts every time.
///
/// It owns no clock: instants are arguments, in milliseconds of one monotonic clock.
package struct CircuitBreaker: Sendable, Equatable {
    /// It opens when `failuresMax` of the last `attemptsRemembered` attempts failed.
    package static let failuresMax = 5
    package static let attemptsRemembered = 10
    /// The upper bound on how long it stays open; each consecutive opening doubles the time.
    package static let openMsMax: Int64 = 60_000
    /// After it has been closed this long, the doubling starts over.
    package static let backoffResetMs: Int64 = 60_000
    /// How long a probe that was planned but not sent, or sent but not decided, blocks other probes.
    package static let plannedProbeMs: Int64 = 1_000
    package static let sentProbeMs: Int64 = 60_000

    private enum State: Equatable {
        case closed(sinceMs: Int64)
        /// Nothing is sent. After `untilMs` the next request is the probe.
        case open(sinceMs: Int64, untilMs: Int64)
        /// One request is the probe: sent, or about to be by `untilMs`.
        case probing(sinceMs: Int64, untilMs: Int64)
    }

    /// Whether a request may be sent now.
    package enum Availability: Sendable, Equatable {
        case closed
        /// Half open: the next request may be the probe.
        case probeDue
        case open(untilMs: Int64)
    }

    /// The outcome of a recent attempt.
    private enum Outcome: Equatable {
        case worked
        case failed(KeyHash?)
    }

    private var state = State.closed(sinceMs: .min / 2)
    /// The last attempts, newest last. Only the newest failure of each key is kept.
    private var outcomes: [Outcome] = []
    private var openings = 0
    /// The key of the last failed probe since the breaker opened.
    private var lastProbeKey: KeyHash?

    package init() {}

    /// Closed, open, or half open at an instant; never `open` with an `untilMs` that has passed.
    package func availability(atMs now: Int64) -> Availability {
        switch state {
        case .closed: .closed
        case .open(_, let until), .probing(_, let until): now < until ? .open(untilMs: until) : .probeDue
        }
    }

    /// Reserves the probe for a request: nobody else sends one until it is decided or times out.
    package mutating func claimProbe(atMs now: Int64) {
        guard availability(atMs: now) == .probeDue else { return }
        state = .probing(sinceMs: now, untilMs: now + Self.plannedProbeMs)
    }

    /// An attempt is being sent; if a probe is due or planned, this is it.
    package mutating func attemptBegan(atMs now: Int64) {
        switch state {
        case .closed: break
        case .probing(let since, _): state = .probing(sinceMs: since, untilMs: now + Self.sentProbeMs)
        case .open(_, let until):
            if now >= until { state = .probing(sinceMs: now, untilMs: now + Self.sentProbeMs) }
        }
    }

    /// The probe ended without a verdict, so the next request may be one.
    package mutating func probeReleased(atMs now: Int64) {
        if case .probing(let since, _) = state { state = .open(sinceMs: since, untilMs: now) }
    }

    /// An attempt worked: a probe closes the breaker.
    ///
    /// - Parameter startedMs: when the attempt was sent. Attempts sent before the breaker opened are ignored.
    package mutating func succeeded(startedMs: Int64, atMs now: Int64) {
        switch state {
        case .closed: append(.worked)
        case .open(let since, _), .probing(let since, _):
            guard startedMs >= since else { return }
            state = .closed(sinceMs: now)
            outcomes.removeAll(keepingCapacity: true)
            lastProbeKey = nil
        }
    }

    /// An attempt failed: the breaker opens if enough of the last ones did, or if this was the probe.
    ///
    /// - Parameters:
    ///   - key: the key of the request, if the request may be the cause.
    ///   - openMs: how long the first opening lasts.
    package mutating func failed(for key: KeyHash? = nil, startedMs: Int64, atMs now: Int64, openMs: Int64) {
        switch state {
        case .closed:
            if let key { outcomes.removeAll { $0 == .failed(key) } }
            append(.failed(key))
            if outcomes.count(where: { $0 != .worked }) >= Self.failuresMax { open(atMs: now, openMs) }
        case .open: break
        case .probing(let since, _):
            guard startedMs >= since else { return }
            // A key whose requests always fail must not keep the breaker open by winning every probe.
            if let key, key == lastProbeKey { return probeReleased(atMs: now) }
            lastProbeKey = key
            open(atMs: now, openMs)
        }
    }

    private mutating func append(_ outcome: Outcome) {
        outcomes.append(outcome)
        if outcomes.count > Self.attemptsRemembered { outcomes.removeFirst() }
    }

    private mutating func open(atMs now: Int64, _ openMs: Int64) {
        if case .closed(let since) = state, now - since > Self.backoffResetMs { openings = 0 }
        let length = min(max(1, openMs) << Int64(min(openings, 16)), Self.openMsMax)
        openings += 1
        state = .open(sinceMs: now, untilMs: now + length)
    }

    /// Opens the breaker because another worker reports the deployment as out.
    package mutating func adopt(openUntilMs until: Int64, atMs now: Int64) {
        guard case .closed = state, until > now else { return }
        openings = max(openings, 1)
        state = .open(sinceMs: now, untilMs: min(until, now + Self.openMsMax))
    }
}
