/// The weights of a deployment's qualities. Only their proportions matter; if they add up to 0, plain weights decide.
package struct Objective: Codable, Sendable, Hashable {
    package static let weightMax = 1_000.0

    /// Time to the first token.
    package var latency: Double
    /// Output tokens per second.
    package var speed: Double
    /// The price per token.
    package var cost: Double
    /// The share of attempts that did not fail.
    package var uptime: Double

    /// - Parameters: weights, clamped to 0 to `weightMax`.
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
