/// The health that workers share about a deployment: only what applies to all keys, as the text of one Redis field.
///
/// `1 firstTokenMs tokensPerSecond unstreamedMs errorRate samples sampledMs outUntilMs`: decimal numbers with a point,
/// `-` for unknown, instants in milliseconds since 1970 UTC.
extension DeploymentHealth {
    /// Longer text is ignored.
    package static let textBytesMax = 256
    private static let format: Substring = "1"
    /// Text older than this is ignored.
    package static let textMsMax: Int64 = 600_000

    /// Writes the text.
    ///
    /// - Parameters:
    ///   - availability: the one to report, which includes the provider's; `nil` for the deployment's own.
    ///   - now, wallMs: the same instant, on the clock of these measurements and as time of day.
    package func text(_ availability: Availability? = nil, atMs now: Int64, wallMs: Int64) -> String {
        func number(_ value: Double?) -> String {
            guard let value else { return "-" }
            return String((min(max(value, 0), 1e9) * 1000).rounded() / 1000)
        }
        let until: Int64 =
            if case .out(_, let until) = availability ?? self.availability(atMs: now) { until } else { now }
        return [
            String(Self.format), number(stats.firstTokenMs), number(stats.tokensPerSecond), number(stats.unstreamedMs),
            number(stats.errorRate(atMs: now)), String(stats.samples),
            String(wallMs - min(max(0, now - stats.lastMs), Self.textMsMax * 2)), String(wallMs + max(0, until - now)),
        ].joined(separator: " ")
    }

    /// Reads the text of another worker.
    ///
    /// - Returns: `nil` for text in another format, or older than `textMsMax`.
    package init?(text: String, atMs now: Int64, wallMs: Int64) {
        guard text.utf8.count <= Self.textBytesMax else { return nil }
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 8, words[0] == Self.format, let errorRate = Double(words[4]), (0...1).contains(errorRate),
            let samples = Int64(words[5]), samples >= 0, let sampledMs = Int64(words[6]), let untilMs = Int64(words[7])
        else { return nil }
        func number(_ word: Substring) -> Double?? {
            if word == "-" { return .some(nil) }
            guard let value = Double(word), (0...1e9).contains(value) else { return nil }
            return value
        }
        guard let first = number(words[1]), let speed = number(words[2]), let plain = number(words[3]) else {
            return nil
        }
        let (age, overflow) = wallMs.subtractingReportingOverflow(sampledMs)
        guard !overflow, age <= Self.textMsMax else { return nil }
        self.init(
            stats: DeploymentStats(
                firstTokenMs: first, tokensPerSecond: speed, unstreamedMs: plain, errorRate: errorRate,
                samples: samples,
                lastMs: now - max(0, age)))
        let (left, leftOverflows) = untilMs.subtractingReportingOverflow(wallMs)
        if !leftOverflows, left > 0 { adopt(outUntilMs: now + min(left, CircuitBreaker.openMsMax), atMs: now) }
    }
}
