internal import PlaneContract

/// How well a deployment meets an objective: the weighted mean of four qualities.
///
/// Each is from 0 to 1. Latency, speed and cost are relative to the best deployment compared; uptime is absolute.
package struct Score: Sendable, Equatable {
    /// Latency differences well below this hardly count, in milliseconds.
    static let latencyFloorMs = 20.0
    /// Price differences well below this hardly count: 0.05 USD per million tokens.
    static let priceFloor = 50_000_000.0
    /// Scores within this share of the best are equal, and weights decide.
    static let equalShare = 0.97

    package var latency: Double
    package var speed: Double
    package var cost: Double
    package var uptime: Double
    package private(set) var total = 0.0

    /// - Returns: a score for each candidate, in the same order.
    static func scores(
        of candidates: [RouteCandidate], by objective: Objective, _ health: HealthTable, for key: KeyHash?,
        atMs now: Int64
    ) -> [Score] {
        let all = candidates.map { health[$0.target.deployment.id] }
        let latencies = all.map { $0.isUnknown ? nil : $0.firstTokenMs(for: key, atMs: now) }
        let speeds = all.map(\.stats.tokensPerSecond)
        let quickest = latencies.compactMap { $0 }.min() ?? 0
        let fastest = speeds.compactMap { $0 }.max() ?? 0
        let cheapest = candidates.map(\.price).min() ?? 0
        return candidates.indices.map { at in
            // Unknown qualities count as the best, so that they get measured.
            let latency = latencies[at].map { (quickest + latencyFloorMs) / ($0 + latencyFloorMs) }
            let speed = speeds[at].map { fastest > 0 ? $0 / fastest : 1 }
            let works = 1 - all[at].stats.errorRate(atMs: now)
            var score = Score(
                latency: latency ?? 1, speed: speed ?? 1,
                cost: (cheapest + priceFloor) / (candidates[at].price + priceFloor), uptime: works * works)
            score.total =
                (objective.latency * score.latency + objective.speed * score.speed + objective.cost * score.cost
                    + objective.uptime * score.uptime) / objective.sum
            return score
        }
    }
}
