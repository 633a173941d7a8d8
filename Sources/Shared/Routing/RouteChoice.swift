internal import PlaneContract

/// Puts those who may answer in order.
///
/// 1. An explicit order stands above everything; within one place of it the objective decides, or weights where there is none.
/// 2. What is out comes behind everything else, what only an operator can mend not at all; when more than half are out, the
///    measure is doubted and none is left away.
/// 3. One request may find out whether a deployment that failed works again, and a few how one is that was not heard of.
/// 4. The last attempt goes to another provider than the ones before, if there is any.
struct RouteChoice {
    private(set) var ordered: [Entrant] = []
    private(set) var reason = RouteReason.only
    private(set) var isPanic = false
    private let key: KeyMark?
    private let health: HealthTable
    private let nowMs: Int64

    /// - Parameter key: whose request it is; `nil`: nobody's, an operator asks.
    init(
        _ survey: Survey, for key: KeyMark?, health: HealthTable, nowMs: Int64, random: inout some RandomNumberGenerator
    ) {
        self.key = key
        self.health = health
        self.nowMs = nowMs
        let out = survey.entrants.filter { standing($0).isOut }
        let alive = out.isEmpty ? survey.entrants : survey.entrants.filter { !standing($0).isOut }
        isPanic = out.count * 2 > survey.entrants.count
        if let objective = survey.objective {
            order(alive, by: objective, &random)
        } else {
            order(alive, &random)
        }
        let best = ordered.count
        sendProbe()
        ordered += out.filter { isPanic || !health[$0.target.deployment.id].isDefinitelyOut(for: key, atMs: nowMs) }
            .sorted { (until($0), $0.order.0, $0.order.1) < (until($1), $1.order.0, $1.order.1) }
        if best == 0 { reason = .lastResort }
        if survey.entrants.count == 1 { reason = .only }
        spreadProviders()
    }

    private func standing(_ entrant: Entrant) -> Standing { health.standing(of: entrant.target, for: key, atMs: nowMs) }

    private func until(_ entrant: Entrant) -> Int64 {
        if case .out(_, let until) = standing(entrant) { until } else { 0 }
    }

    // MARK: Weights

    /// Candidates by their order and weights, and in each its deployments by theirs.
    private mutating func order(_ alive: [Entrant], _ random: inout some RandomNumberGenerator) {
        for rank in Set(alive.map(\.order.0)).sorted() {
            var models: [(name: String, weight: Int)] = []
            for entrant in alive where entrant.order.0 == rank {
                if models.contains(where: { $0.name == entrant.target.model.name }) { continue }
                models.append((entrant.target.model.name, entrant.candidateWeight))
            }
            while !models.isEmpty {
                let model = models.remove(at: Self.draw(models.map(\.weight), &random))
                let own = alive.filter { $0.order.0 == rank && $0.target.model.name == model.name }
                for place in Set(own.map(\.order.1)).sorted() {
                    var rest = own.filter { $0.order.1 == place }
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
        _ alive: [Entrant], by objective: Objective, _ random: inout some RandomNumberGenerator
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

    private static func orders(of entrants: [Entrant]) -> [(Int, Int)] {
        var orders: [(Int, Int)] = []
        for entrant in entrants where !orders.contains(where: { $0 == entrant.order }) { orders.append(entrant.order) }
        return orders.sorted { $0 < $1 }
    }

    private mutating func explore(_ stale: [Entrant], _ random: inout some RandomNumberGenerator) {
        let others = stale.filter { $0.target !== ordered[0].target }
        guard !others.isEmpty, Int.random(in: 0..<Exploration.oneIn, using: &random) == 0 else { return }
        moveToFront(others[Int.random(in: 0..<others.count, using: &random)], .exploration)
    }

    // MARK: What stands above both

    /// The first that is due comes first, unless a better place of the order is served without it.
    private mutating func sendProbe() {
        let ready = ordered.filter { standing($0) == .ready }.map(\.order).min { $0 < $1 }
        let due = ordered.filter { standing($0) == .probeDue && $0.order <= ready ?? $0.order }
        guard let probe = due.min(by: { $0.order < $1.order }) else { return }
        moveToFront(probe, .probe)
    }

    private mutating func moveToFront(_ entrant: Entrant, _ reason: RouteReason) {
        ordered.removeAll { $0.target === entrant.target }
        ordered.insert(entrant, at: 0)
        self.reason = reason
    }

    /// The last attempt is worth most where a whole provider may be away.
    private mutating func spreadProviders() {
        let last = RoutePlan.attemptsMax - 1
        guard ordered.count > RoutePlan.attemptsMax else { return }
        let tried = Set(ordered[..<last].map(\.target.deployment.provider))
        guard tried.contains(ordered[last].target.deployment.provider) else { return }
        let alive = ordered[last...].firstIndex {
            !tried.contains($0.target.deployment.provider) && !standing($0).isOut
        }
        guard let alive else { return }
        ordered.insert(ordered.remove(at: alive), at: last)
    }

    /// The place of the one drawn by weight; all are equal where no weight is above 0.
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
