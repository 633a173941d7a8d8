internal import PlaneContract

/// Orders the deployments that can serve a request.
///
/// 1. An explicit rank comes first; within a rank the objective decides, or the weights if there is none.
/// 2. Deployments that are out come last; those that only an operator can fix are left out. If more than half are out,
///    the health data is doubted and none is left out.
/// 3. One request may probe whether a failed deployment works again, and a few measure deployments without recent
///    measurements.
/// 4. The last attempt goes to a provider not tried before, if there is one.
struct RouteChoice {
    private(set) var ordered: [RouteCandidate] = []
    private(set) var reason = RouteReason.only
    private(set) var isPanic = false
    private let key: KeyHash?
    private let health: HealthTable
    private let nowMs: Int64

    /// - Parameter key: the key of the request; `nil` when an operator asks for an explanation.
    init(
        _ candidateSet: CandidateSet, for key: KeyHash?, health: HealthTable, nowMs: Int64,
        random: inout some RandomNumberGenerator
    ) {
        self.key = key
        self.health = health
        self.nowMs = nowMs
        let out = candidateSet.candidates.filter { availability($0).isOut }
        let alive = out.isEmpty ? candidateSet.candidates : candidateSet.candidates.filter { !availability($0).isOut }
        isPanic = out.count * 2 > candidateSet.candidates.count
        if let objective = candidateSet.objective {
            order(alive, by: objective, &random)
        } else {
            order(alive, &random)
        }
        let best = ordered.count
        sendProbe()
        ordered += out.filter { isPanic || !health[$0.target.deployment.id].isDefinitelyOut(for: key, atMs: nowMs) }
            .sorted { (until($0), $0.order.0, $0.order.1) < (until($1), $1.order.0, $1.order.1) }
        if best == 0 { reason = .lastResort }
        if candidateSet.candidates.count == 1 { reason = .only }
        spreadProviders()
    }

    private func availability(_ candidate: RouteCandidate) -> Availability {
        health.availability(of: candidate.target, for: key, atMs: nowMs)
    }

    private func until(_ candidate: RouteCandidate) -> Int64 {
        if case .out(_, let until) = availability(candidate) { until } else { 0 }
    }

    // MARK: Weights

    /// Orders candidates by rank and weight, and the deployments of each by theirs.
    private mutating func order(_ alive: [RouteCandidate], _ random: inout some RandomNumberGenerator) {
        for rank in Set(alive.map(\.order.0)).sorted() {
            var models: [(name: String, weight: Int)] = []
            for candidate in alive where candidate.order.0 == rank {
                if models.contains(where: { $0.name == candidate.target.model.name }) { continue }
                models.append((candidate.target.model.name, candidate.candidateWeight))
            }
            while !models.isEmpty {
                let model = models.remove(at: Self.draw(models.map(\.weight), &random))
                let own = alive.filter { $0.order.0 == rank && $0.target.model.name == model.name }
                for deploymentRank in Set(own.map(\.order.1)).sorted() {
                    var rest = own.filter { $0.order.1 == deploymentRank }
                    while !rest.isEmpty {
                        ordered.append(rest.remove(at: Self.draw(rest.map(\.deploymentWeight), &random)))
                    }
                }
            }
        }
        guard let first = ordered.first else { return }
        reason = alive.count { $0.order == first.order } > 1 ? .weight : .rank
    }

    // MARK: Objective

    private mutating func order(
        _ alive: [RouteCandidate], by objective: Objective, _ random: inout some RandomNumberGenerator
    ) {
        for order in Self.orders(of: alive) {
            var rest = alive.filter { $0.order == order }
            var scores = Score.scores(of: rest, by: objective, health, for: key, atMs: nowMs).map(\.total)
            if ordered.isEmpty { reason = .rank }
            let isChoice = ordered.isEmpty && rest.count > 1
            let count = rest.count
            let stale = isChoice ? rest.filter { health[$0.target.deployment.id].isStale(for: key, atMs: nowMs) } : []
            while !rest.isEmpty {
                let best = scores.max() ?? 0
                let equal = rest.indices.filter { scores[$0] >= best * Score.equalShare }
                let at = equal[Self.draw(equal.map { rest[$0].weight }, &random)]
                if isChoice, ordered.isEmpty {
                    reason = .score(hundredths: Int((scores[at] * 100).rounded()), of: count)
                }
                ordered.append(rest.remove(at: at))
                scores.remove(at: at)
            }
            explore(stale, &random)
        }
    }

    private static func orders(of candidates: [RouteCandidate]) -> [(Int, Int)] {
        var orders: [(Int, Int)] = []
        for candidate in candidates where !orders.contains(where: { $0 == candidate.order }) {
            orders.append(candidate.order)
        }
        return orders.sorted { $0 < $1 }
    }

    private mutating func explore(_ stale: [RouteCandidate], _ random: inout some RandomNumberGenerator) {
        let others = stale.filter { $0.target !== ordered[0].target }
        guard !others.isEmpty, Int.random(in: 0..<Exploration.oneIn, using: &random) == 0 else { return }
        moveToFront(others[Int.random(in: 0..<others.count, using: &random)], .exploration)
    }

    // MARK: Rules above both

    /// Moves the first due probe to the front, unless a better rank has a healthy deployment.
    private mutating func sendProbe() {
        let ready = ordered.filter { availability($0) == .ready }.map(\.order).min { $0 < $1 }
        let due = ordered.filter { availability($0) == .probeDue && $0.order <= ready ?? $0.order }
        guard let probe = due.min(by: { $0.order < $1.order }) else { return }
        moveToFront(probe, .probe)
    }

    private mutating func moveToFront(_ candidate: RouteCandidate, _ reason: RouteReason) {
        ordered.removeAll { $0.target === candidate.target }
        ordered.insert(candidate, at: 0)
        self.reason = reason
    }

    /// Makes the last attempt go to a new provider, which matters most when a whole provider is down.
    private mutating func spreadProviders() {
        let last = RoutePlan.attemptsMax - 1
        guard ordered.count > RoutePlan.attemptsMax else { return }
        let tried = Set(ordered[..<last].map(\.target.deployment.provider))
        guard tried.contains(ordered[last].target.deployment.provider) else { return }
        let alive = ordered[last...].firstIndex {
            !tried.contains($0.target.deployment.provider) && !availability($0).isOut
        }
        guard let alive else { return }
        ordered.insert(ordered.remove(at: alive), at: last)
    }

    /// The index drawn by weight; all are equally likely if no weight is above 0.
    private static func draw(_ weights: [Int], _ random: inout some RandomNumberGenerator) -> Int {
        guard weights.count > 1 else { return 0 }
        let sum = weights.reduce(0) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 }
        guard sum > 0 else { return Int.random(in: 0..<weights.count, using: &random) }
        var ticket = Int.random(in: 0..<sum, using: &random)
        for (at, weight) in weights.enumerated() {
            if ticket < weight { return at }
            ticket -= weight
        }
        return weights.count - 1
    }
}
