/// What was measured of an engine: moving averages that follow bad news faster than good, each sample weighted by the time since
/// the one before, so that how often an engine is asked does not change how fast it is known.
///
/// With `t` since the last sample and a time constant `c`, a sample weighs `t / (t + c)`: for small `t` that is the exponential
/// average with that constant.
package struct DeploymentStats: Sendable, Equatable {
    /// A slower first token is believed within about a second, a faster one within five.
    package static let riseMs = 1_000.0
    package static let fallMs = 5_000.0
    package static let speedMs = 10_000.0
    package static let errorMs = 5_000.0
    /// Without news, half of an error rate is forgotten in this time.
    package static let forgetErrorsMs = 30_000.0
    /// The least and the most a sample weighs.
    package static let weightRange = 0.01...0.9
    /// Fewer tokens than this say nothing about speed.
    package static let speedTokensMin: Int64 = 16
    /// The first token of a plain answer is not taken to come before this share of it.
    package static let plainShareMin = 0.25
    /// Assumed for a plain answer while the speed is not known.
    package static let speedAssumed = 100.0

    /// Milliseconds; `nil` before the first.
    package private(set) var firstTokenMs: Double?
    package private(set) var tokensPerSecond: Double?
    /// A whole answer that was not streamed, in milliseconds.
    package private(set) var plainMs: Double?
    private var errors = 0.0
    /// Attempts that told something.
    package private(set) var samples: Int64 = 0
    /// When the last of them ended; `.min` halved before the first.
    package private(set) var lastMs = Int64.min / 2

    package init() {}

    /// What another worker measured.
    package init(
        firstTokenMs: Double?, tokensPerSecond: Double?, plainMs: Double?, errorRate: Double, samples: Int64,
        lastMs: Int64
    ) {
        self.firstTokenMs = firstTokenMs
        self.tokensPerSecond = tokensPerSecond
        self.plainMs = plainMs
        self.samples = samples
        self.lastMs = lastMs
        errors = errorRate
    }

    /// The share of attempts that failed, 0 to 1; forgotten slowly while nothing is heard.
    package func errorRate(atMs now: Int64) -> Double {
        errors * Self.forgetErrorsMs / (Self.forgetErrorsMs + Double(max(0, now - lastMs)))
    }

    package mutating func firstToken(afterMs: Int64, atMs now: Int64) {
        sample(firstTokenAfter: Double(max(0, afterMs)), since(now))
        heard(failure: false, atMs: now)
    }

    /// A stream has ended well: so many tokens came in the time since its first.
    package mutating func streamed(tokens: Int64, overMs: Int64) {
        guard tokens >= Self.speedTokensMin, overMs > 0 else { return }
        sample(speed: Double(tokens) * 1_000 / Double(overMs), Self.speedMs / 4)
    }

    /// A whole answer came at once. When its first token was made is inferred from what is known of the speed, and that it was
    /// made no slower than the whole answer says something about that.
    package mutating func answered(tokens: Int64, afterMs: Int64, atMs now: Int64) {
        let whole = Double(max(0, afterMs))
        if tokens >= Self.speedTokensMin, whole > 0 {
            let least = Double(tokens) * 1_000 / whole
            if least > tokensPerSecond ?? 0 { sample(speed: least, Self.speedMs / 4) }
        }
        let making = Double(max(0, tokens)) * 1_000 / (tokensPerSecond ?? Self.speedAssumed)
        sample(firstTokenAfter: max(whole * Self.plainShareMin, whole - making), since(now))
        plainMs = plainMs.map { Self.mean($0, whole, Self.weight(since(now), Self.fallMs)) } ?? whole
        heard(failure: false, atMs: now)
    }

    /// - Parameter waitedMs: given when it was too slow rather than broken.
    package mutating func failed(waitedMs: Int64?, atMs now: Int64) {
        if let waitedMs { sample(firstTokenAfter: Double(max(0, waitedMs)), since(now)) }
        heard(failure: true, atMs: now)
    }

    /// An engine that failed and works again starts with little against it.
    package mutating func recovered() { errors = min(errors, 0.1) }

    private mutating func heard(failure: Bool, atMs now: Int64) {
        let known = errorRate(atMs: now)
        errors =
            samples == 0
            ? (failure ? 0.5 : 0) : Self.mean(known, failure ? 1 : 0, Self.weight(since(now), Self.errorMs))
        samples += 1
        lastMs = max(lastMs, now)
    }

    private mutating func sample(firstTokenAfter value: Double, _ sinceMs: Double) {
        guard let mean = firstTokenMs else { return firstTokenMs = value }
        firstTokenMs = Self.mean(mean, value, Self.weight(sinceMs, value > mean ? Self.riseMs : Self.fallMs))
    }

    private mutating func sample(speed value: Double, _ sinceMs: Double) {
        tokensPerSecond = tokensPerSecond.map { Self.mean($0, value, Self.weight(sinceMs, Self.speedMs)) } ?? value
    }

    private func since(_ now: Int64) -> Double { samples == 0 ? .infinity : Double(max(0, now - lastMs)) }

    private static func weight(_ sinceMs: Double, _ constantMs: Double) -> Double {
        guard sinceMs.isFinite else { return weightRange.upperBound }
        return min(max(sinceMs / (sinceMs + constantMs), weightRange.lowerBound), weightRange.upperBound)
    }

    private static func mean(_ old: Double, _ new: Double, _ weight: Double) -> Double { old + (new - old) * weight }
}

/// Attempts that wait for their first token: how long the one in the middle has waited tells that an engine has become slow before
/// any of them is answered.
struct WaitingAttempts: Sendable, Equatable {
    /// More are not kept apart; the middle one is then among these.
    static let countMax = 256
    /// No request takes longer.
    static let ageMsMax: Int64 = 3_600_000

    private var starts: [Int64] = []

    var count: Int { starts.count }

    mutating func began(atMs now: Int64) {
        if let first = starts.first, now - first > Self.ageMsMax { starts.removeFirst() }
        if starts.count < Self.countMax { starts.append(now) }
    }

    mutating func ended(startedMs: Int64) {
        if let at = starts.firstIndex(of: startedMs) { starts.remove(at: at) }
    }

    /// How long the one in the middle has waited; `nil` when none waits.
    func middleAgeMs(atMs now: Int64) -> Int64? {
        starts.isEmpty ? nil : max(0, now - starts[starts.count / 2])
    }
}
