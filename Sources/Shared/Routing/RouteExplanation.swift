package import GatewayModel
package import PlaneContract

/// Where a request would go, and why.
package struct RouteExplanation: Sendable {
    package struct Candidate: Sendable {
        package let target: RouteTarget
        /// The candidate's rank, then the deployment's.
        package let rank: [Int]
        package let weight: Int
        package let availability: Availability
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

    init(_ name: String, _ candidateSet: CandidateSet, _ choice: RouteChoice, health: HealthTable, nowMs: Int64) {
        requested = name
        objective = candidateSet.objective
        reason = choice.reason
        isPanic = choice.isPanic
        refusal = candidateSet.refusal
        candidates = choice.ordered.map { candidate in
            let own = health[candidate.target.deployment.id]
            let peers = candidateSet.candidates.filter { $0.order == candidate.order }
            let scores = candidateSet.objective.map { Score.scores(of: peers, by: $0, health, for: nil, atMs: nowMs) }
            let at = peers.firstIndex { $0.target === candidate.target }
            return Candidate(
                target: candidate.target, rank: [candidate.order.0, candidate.order.1], weight: candidate.weight,
                availability: health.availability(of: candidate.target, atMs: nowMs), health: own,
                firstTokenMs: own.firstTokenMs(atMs: nowMs), errorRate: own.stats.errorRate(atMs: nowMs),
                blendedPrice: candidate.price, score: at.flatMap { scores?[$0] })
        }
        let left = candidateSet.candidates.filter { candidate in
            !choice.ordered.contains { $0.target === candidate.target }
        }
        excluded =
            candidateSet.excluded
            + left.map { ($0.target.model.name, $0.target.deployment.id, Exclusion.outOfService) }
    }
}
