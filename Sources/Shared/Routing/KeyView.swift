/// A deployment's breaker and cool-down for one key whose requests failed there. They affect no other key.
struct KeyView: Sendable, Equatable {
    private(set) var breaker = CircuitBreaker()
    private var coolDown: CoolDown?
    /// When it last changed, in milliseconds.
    private(set) var touchedMs: Int64

    init(atMs now: Int64) { touchedMs = now }

    func availability(atMs now: Int64) -> Availability {
        if let coolDown, now < coolDown.untilMs { return .out(coolDown.class.rawValue, untilMs: coolDown.untilMs) }
        return Availability(breaker.availability(atMs: now))
    }

    /// Whether the key is in a cool-down for this failure.
    func isCoolingDown(after failure: FailureClass, atMs now: Int64) -> Bool {
        coolDown.map { $0.class == failure && now < $0.untilMs } ?? false
    }

    func isDefinitelyOut(atMs now: Int64) -> Bool { coolDown?.isDefinite(atMs: now) ?? false }

    mutating func failed(_ failure: FailureClass, coolDownMs: Int64?, startedMs: Int64, atMs now: Int64, openMs: Int64)
    {
        touchedMs = now
        if failure.countsForBreaker { breaker.failed(startedMs: startedMs, atMs: now, openMs: openMs) }
        if let coolDownMs { coolDown.extend(for: failure, untilMs: now + coolDownMs) }
    }

    mutating func worked(startedMs: Int64, atMs now: Int64) {
        touchedMs = now
        breaker.succeeded(startedMs: startedMs, atMs: now)
    }

    mutating func claimProbe(atMs now: Int64) { breaker.claimProbe(atMs: now) }
    mutating func attemptBegan(atMs now: Int64) { breaker.attemptBegan(atMs: now) }
    mutating func probeReleased(atMs now: Int64) { breaker.probeReleased(atMs: now) }
}

/// The views of the keys that failed at one deployment.
struct KeyViews: Sendable, Equatable {
    /// No more are kept: by then the deployment's own breaker counts enough keys.
    static let keysMax = 16

    private var views: [KeyHash: KeyView] = [:]

    subscript(key: KeyHash?) -> KeyView? {
        guard let key, !views.isEmpty else { return nil }
        return views[key]
    }

    /// Changes the view of a key, if there is one.
    mutating func change(_ key: KeyHash, _ change: (inout KeyView) -> Void) {
        guard !views.isEmpty, var view = views[key] else { return }
        change(&view)
        views[key] = view
    }

    /// Begins to watch a key, evicting the one that has been healthy the longest.
    ///
    /// If none is healthy, the new key is not watched.
    mutating func watch(_ key: KeyHash, atMs now: Int64) {
        guard views[key] == nil else { return }
        if views.count >= Self.keysMax {
            let well = views.filter { $0.value.availability(atMs: now) == .ready }
            guard let oldest = well.min(by: { $0.value.touchedMs < $1.value.touchedMs }) else { return }
            views[oldest.key] = nil
        }
        views[key] = KeyView(atMs: now)
    }

    /// The number of keys in a cool-down for this failure.
    func count(coolingDownAfter failure: FailureClass, atMs now: Int64) -> Int {
        views.values.count { $0.isCoolingDown(after: failure, atMs: now) }
    }
}
