/// Moving averages of a deployment's measurements, which follow bad news faster than good.
///
/// Each sample is weighted by the time since the previous one, so request frequency does not change how fast the
/// averages move. Each sample is the median of what the last few keys measured (`KeySamples`).
///
/// With `t` since the last sample and a time constant `c`, a sample has the weight `t / (t + c)`: for small `t` this is
/// the exponential average with that constant.
package struct DeploymentStats: Sendable, Equatable {
    /// A slower first token takes about one second to show, a faster one about five.
    package static let riseMs = 1_000.0
    package static let fallMs = 5_000.0
    package static let speedMs = 10_000.0
    package static let errorMs = 5_000.0
    /// Without samples, half of an error rate is forgotten in this time.
    package static let forgetErrorsMs = 30_000.0
    /// The bounds of a sample's weight.
    package static let weightRange = 0.01...0.9
    /// Responses with fewer tokens say nothing about speed.
    package static let speedTokensMin: Int64 = 16
    /// The first token of a response that is not streamed is assumed to take at least this share of its time.
    package static let unstreamedShareMin = 0.25
    /// Tokens per second assumed for such a response while the speed is unknown.
    package static let speedAssumed = 100.0

    /// Time to the first token; includes waits that were given up, and estimates for responses that were not streamed.
    /// `nil` until there is one.
    package private(set) var firstTokenMs: Double?
    package private(set) var tokensPerSecond: Double?
    /// The time of a whole response that was not streamed, in milliseconds.
    package private(set) var unstreamedMs: Double?
    private var errors = 0.0
    /// The number of attempts that measured something.
    package private(set) var samples: Int64 = 0
    /// When the last of them ended; `.min / 2` before the first.
    package private(set) var lastMs = Int64.min / 2
    /// The latest sample of each of the last few keys.
    private(set) var keySamples = KeySamples()

    package init() {}

    /// Measurements of another worker.
    package init(
        firstTokenMs: Double?, tokensPerSecond: Double?, unstreamedMs: Double?, errorRate: Double, samples: Int64,
        lastMs: Int64
    ) {
        self.firstTokenMs = firstTokenMs
        self.tokensPerSecond = tokensPerSecond
        self.unstreamedMs = unstreamedMs
        self.samples = samples
        self.lastMs = lastMs
        errors = errorRate
    }

    /// The share of attempts that failed, 0 to 1; it decays while nothing is measured.
    package func errorRate(atMs now: Int64) -> Double {
        errors * Self.forgetErrorsMs / (Self.forgetErrorsMs + Double(max(0, now - lastMs)))
    }

    /// The first event of a stream arrived `afterMs` after the attempt began.
    package mutating func firstToken(for key: KeyHash, afterMs: Int64, atMs now: Int64) {
        recordFirstToken(of: key, Double(max(0, afterMs)), failed: false, atMs: now)
        recordSample(atMs: now)
    }

    /// A stream ended normally: `tokens` arrived within `overMs` after its first event.
    package mutating func streamed(for key: KeyHash, tokens: Int64, overMs: Int64, atMs now: Int64) {
        guard tokens >= Self.speedTokensMin, overMs > 0 else { return }
        keySamples.record(key, atMs: now) { $0.tokensPerSecond = Double(tokens) * 1_000 / Double(overMs) }
        sampleSpeed(Self.speedMs / 4)
    }

    /// A whole response arrived at once.
    ///
    /// The time of its first token is inferred from the known speed; the whole time gives a lower bound of the speed.
    package mutating func answered(for key: KeyHash, tokens: Int64, afterMs: Int64, atMs now: Int64) {
        let whole = Double(max(0, afterMs))
        if tokens >= Self.speedTokensMin, whole > 0 {
            let least = Double(tokens) * 1_000 / whole
            if least > tokensPerSecond ?? 0 {
                keySamples.record(key, atMs: now) { $0.tokensPerSecond = least }
                sampleSpeed(Self.speedMs / 4)
            }
        }
        let making = Double(max(0, tokens)) * 1_000 / (tokensPerSecond ?? Self.speedAssumed)
        keySamples.record(key, atMs: now) { $0.unstreamedMs = whole }
        recordFirstToken(of: key, max(whole * Self.unstreamedShareMin, whole - making), failed: false, atMs: now)
        if let value = keySamples.unstreamedMs {
            unstreamedMs = unstreamedMs.map { Self.mean($0, value, Self.weight(since(now), Self.fallMs)) } ?? value
        }
        recordSample(atMs: now)
    }

    /// An attempt failed in a way that counts against the deployment.
    ///
    /// - Parameter waitedMs: how long it waited for a first token, if it was too slow rather than broken.
    package mutating func failed(for key: KeyHash, waitedMs: Int64?, atMs now: Int64) {
        if let waitedMs {
            recordFirstToken(of: key, Double(max(0, waitedMs)), failed: true, atMs: now)
        } else {
            keySamples.record(key, atMs: now) { $0.failed = true }
        }
        recordSample(atMs: now)
    }

    /// Whether everything known comes from another worker or one other key.
    ///
    /// That is too little to avoid the deployment for good.
    func isSecondHand(for key: KeyHash, atMs now: Int64) -> Bool {
        samples > 0 && keySamples.lacksSample(of: key, atMs: now) && keySamples.countOfOthers(than: key, atMs: now) <= 1
    }

    /// A deployment that works again after failing starts with a low error rate.
    package mutating func recovered() { errors = min(errors, 0.1) }

    private mutating func recordSample(atMs now: Int64) {
        let failing = keySamples.failureShare
        errors =
            samples == 0 ? failing / 2 : Self.mean(errorRate(atMs: now), failing, Self.weight(since(now), Self.errorMs))
        samples += 1
        lastMs = max(lastMs, now)
    }

    private mutating func recordFirstToken(of key: KeyHash, _ value: Double, failed: Bool, atMs now: Int64) {
        keySamples.record(key, atMs: now) { sample in
            sample.firstTokenMs = value
            let own = sample.firstTokenMeanMs ?? value
            let weight = Self.weight(Double(max(0, now - sample.atMs)), value > own ? Self.riseMs : Self.fallMs)
            sample.firstTokenMeanMs = Self.mean(own, value, weight)
            sample.failed = failed
        }
        guard let median = keySamples.firstTokenMs else { return }
        guard let mean = firstTokenMs else { return firstTokenMs = median }
        firstTokenMs = Self.mean(mean, median, Self.weight(since(now), median > mean ? Self.riseMs : Self.fallMs))
    }

    private mutating func sampleSpeed(_ sinceMs: Double) {
        guard let value = keySamples.tokensPerSecond else { return }
        tokensPerSecond = tokensPerSecond.map { Self.mean($0, value, Self.weight(sinceMs, Self.speedMs)) } ?? value
    }

    private func since(_ now: Int64) -> Double { samples == 0 ? .infinity : Double(max(0, now - lastMs)) }

    private static func weight(_ sinceMs: Double, _ constantMs: Double) -> Double {
        guard sinceMs.isFinite else { return weightRange.upperBound }
        return min(max(sinceMs / (sinceMs + constantMs), weightRange.lowerBound), weightRange.upperBound)
    }

    private static func mean(_ old: Double, _ new: Double, _ weight: Double) -> Double { old + (new - old) * weight }
}
