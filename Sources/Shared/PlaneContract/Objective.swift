/// How much each quality of an engine counts. Only the proportions matter; a sum of 0 leaves the choice to weights.
package struct Objective: Codable, Sendable, Hashable {
    package static let weightMax = 1_000.0

    /// Time to the first token.
    package var latency: Double
    /// Output tokens per second.
    package var speed: Double
    /// The price of a token.
    package var cost: Double
    /// The share of attempts that did not fail.
    package var uptime: Double

    /// - Parameters: weights; what is outside 0 to `weightMax` counts as the nearer end.
    package init(latency: Double = 0, speed: Double = 0, cost: Double = 0, uptime: Double = 0) {
        func bounded(_ weight: Double) -> Double { weight >= 0 ? min(weight, Self.weightMax) : 0 }
        self.latency = bounded(latency)
        self.speed = bounded(speed)
        self.cost = bounded(cost)
        self.uptime = bounded(uptime)
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            latency: try values.decode(Double.self, forKey: .latency),
            speed: try values.decode(Double.self, forKey: .speed),
            cost: try values.decode(Double.self, forKey: .cost),
            uptime: try values.decode(Double.self, forKey: .uptime))
    }

    package var sum: Double { latency + speed + cost + uptime }
}
