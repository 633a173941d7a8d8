package import GatewayModel
package import PlaneContract

/// Where a request would go, and why.
package struct RouteExplanation: Sendable {
    package struct Candidate: Sendable {
        package let target: RouteTarget
        /// The candidate's rank, then the deployment's.
        package let rank: [Int]
        package let weight: Int
        package let standing: Standing
        package let health: DeploymentHealth
        /// The expected time to the first token, in milliseconds.
        package let firstTokenMs: Double?
        package let errorRate: Double
        /// Nano-USD per million tokens, input to output three to one.
        package let blendedPrice: Double
        /// `nil` when weights decide.
        package let score: Score?
    }

    package let requested: String
    package let objective: Objective?
    package let reason: RouteReason
    /// Whether more than half are out, so that health no longer leaves any out.
    package let isPanic: Bool
    /// The error the client would get when there are no candidates.
    package let refusal: GatewayError?
    /// All deployments that can serve the request, in the order they would be tried.
    package let candidates: [Candidate]
    package let excluded: [(model: String, deployment: String?, reason: Exclusion)]

    init(_ name: String, _ survey: Survey, _ choice: RouteChoice, health: HealthTable, nowMs: Int64) {
        requested = name
        objective = survey.objective
        reason = choice.reason
        isPanic = choice.isPanic
        refusal = survey.refusal
        candidates = choice.ordered.map { entrant in
            let own = health[entrant.target.deployment.id]
            let peers = survey.entrants.filter { $0.order == entrant.order }
            let scores = survey.objective.map { Score.scores(of: peers, by: $0, health, for: nil, atMs: nowMs) }
            let at = peers.firstIndex { $0.target === entrant.target }
            return Candidate(
                target: entrant.target, rank: [entrant.order.0, entrant.order.1], weight: entrant.weight,
                standing: health.standing(of: entrant.target, atMs: nowMs), health: own,
                firstTokenMs: own.firstTokenMs(atMs: nowMs), errorRate: own.stats.errorRate(atMs: nowMs),
                blendedPrice: entrant.price, score: at.flatMap { scores?[$0] })
        }
        let left = survey.entrants.filter { entrant in !choice.ordered.contains { $0.target === entrant.target } }
        excluded =
            survey.excluded
            + left.map { ($0.target.model.name, $0.target.deployment.id, Exclusion.outOfService) }
    }
}
