/// Decides whether an engine that fails may be tried: closed, open for a while, then one probe.
///
/// Owns no clock: instants are arguments, in milliseconds of one monotonic clock.
package struct CircuitBreaker: Sendable, Equatable {
    /// It opens when so many of the last so many attempts failed.
    package static let failuresMax = 5
    package static let attemptsRemembered = 10
    /// Each opening that follows another is twice as long, up to this.
    package static let openMsMax: Int64 = 60_000
    /// Closed for so long, the next opening is short again.
    package static let calmMs: Int64 = 60_000
    /// A probe that was planned and not sent within this time is given to somebody else, one that was sent after the other.
    package static let plannedProbeMs: Int64 = 1_000
    package static let sentProbeMs: Int64 = 60_000

    private enum State: Equatable {
        case closed(sinceMs: Int64)
        /// Nothing is sent. After `untilMs` the next request is the probe.
        case open(sinceMs: Int64, untilMs: Int64)
        /// One request is on its way, or will be by `untilMs`.
        case probing(sinceMs: Int64, untilMs: Int64)
    }

    package enum Standing: Sendable, Equatable {
        case closed
        /// Half open: the next request may be the probe.
        case probeDue
        case open(untilMs: Int64)
    }

    private var state = State.closed(sinceMs: .min / 2)
    /// The last attempts, a bit each, newest lowest; set means failed.
    private var failures: UInt16 = 0
    private var openings = 0

    package init() {}

    package func standing(atMs now: Int64) -> Standing {
        switch state {
        case .closed: .closed
        case .open(_, let until), .probing(_, let until): now < until ? .open(untilMs: until) : .probeDue
        }
    }

    /// A request will be the probe: nobody else is, until it is decided.
    package mutating func claimProbe(atMs now: Int64) {
        guard standing(atMs: now) == .probeDue else { return }
        state = .probing(sinceMs: now, untilMs: now + Self.plannedProbeMs)
    }

    /// An attempt is sent; where a probe is planned, this is it.
    package mutating func attemptBegan(atMs now: Int64) {
        switch state {
        case .closed: break
        case .probing(let since, _): state = .probing(sinceMs: since, untilMs: now + Self.sentProbeMs)
        case .open(_, let until):
            if now >= until { state = .probing(sinceMs: now, untilMs: now + Self.sentProbeMs) }
        }
    }

    /// The probe ended without a verdict: the next request may be one.
    package mutating func probeReleased(atMs now: Int64) {
        if case .probing(let since, _) = state { state = .open(sinceMs: since, untilMs: now) }
    }

    /// - Parameter startedMs: when the attempt was sent. One sent before the breaker opened says nothing about now.
    package mutating func succeeded(startedMs: Int64, atMs now: Int64) {
        switch state {
        case .closed: remember(failure: false)
        case .open(let since, _), .probing(let since, _):
            guard startedMs >= since else { return }
            state = .closed(sinceMs: now)
            failures = 0
        }
    }

    /// - Parameter openMs: how long the first opening lasts.
    package mutating func failed(startedMs: Int64, atMs now: Int64, openMs: Int64) {
        switch state {
        case .closed:
            remember(failure: true)
            if failures.nonzeroBitCount >= Self.failuresMax { open(atMs: now, openMs) }
        case .open: break
        case .probing(let since, _): if startedMs >= since { open(atMs: now, openMs) }
        }
    }

    private mutating func remember(failure: Bool) {
        failures = (failures << 1 | (failure ? 1 : 0)) & (1 << UInt16(Self.attemptsRemembered) - 1)
    }

    private mutating func open(atMs now: Int64, _ openMs: Int64) {
        if case .closed(let since) = state, now - since > Self.calmMs { openings = 0 }
        let length = min(max(1, openMs) << Int64(min(openings, 16)), Self.openMsMax)
        openings += 1
        state = .open(sinceMs: now, untilMs: now + length)
    }

    /// An engine another worker found open.
    package mutating func adopt(openUntilMs until: Int64, atMs now: Int64) {
        guard case .closed = state, until > now else { return }
        openings = max(openings, 1)
        state = .open(sinceMs: now, untilMs: min(until, now + Self.openMsMax))
    }
}
