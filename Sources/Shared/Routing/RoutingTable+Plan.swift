package import GatewayModel
package import PlaneContract

extension RoutingTable {
    /// The plan for a model with a single deployment, the common case, made without weighing or allocating.
    ///
    /// - Returns: `nil` when the full plan is needed.
    package func onlyPlan(for name: String, facts: RouteFacts, key: KeyRecord, atMs now: Int64) -> RoutePlan? {
        guard key.mayCall(name), aliases[name] == nil, let targets = targets[name], targets.count == 1,
            serves(name, atMs: now), facts.exclusion(of: targets[0].model) == nil, targets[0].serves(facts.operation)
        else { return nil }
        return RoutePlan(requested: name, targets: targets, reason: .only, crossesModels: false)
    }

    /// Decides where a request goes. A pure function of its arguments.
    ///
    /// - Parameters:
    ///   - now: milliseconds since 1970 UTC, for prices.
    ///   - health: the measurements, on a clock that reads `nowMs`.
    ///   - random: draws among equals, and decides when to explore.
    /// - Throws: 404 for a name that does not exist or that the key may not call (one text for both), or that has no
    ///   deployment or price; 400 for a request that nothing behind the name can take.
    package func plan(
        for name: String, facts: RouteFacts, key: KeyRecord, atMs now: Int64, health: HealthTable, nowMs: Int64,
        random: inout some RandomNumberGenerator
    ) throws(GatewayError) -> RoutePlan {
        if let plan = onlyPlan(for: name, facts: facts, key: key, atMs: now) { return plan }
        let candidateSet = try candidateSet(name, facts: facts, key: key, atMs: now)
        if let refusal = candidateSet.refusal { throw refusal }
        return plan(name, candidateSet, for: KeyHash(key.keyID), health: health, nowMs: nowMs, random: &random)
    }

    /// The part of planning that depends on measurements.
    func plan(
        _ name: String, _ candidateSet: CandidateSet, for key: KeyHash, health: HealthTable, nowMs: Int64,
        random: inout some RandomNumberGenerator
    ) -> RoutePlan {
        let choice = RouteChoice(candidateSet, for: key, health: health, nowMs: nowMs, random: &random)
        return RoutePlan(
            requested: name, targets: choice.ordered.prefix(RoutePlan.attemptsMax).map(\.target), reason: choice.reason,
            crossesModels: aliases[name] != nil)
    }

    /// Like `plan`, but returns every candidate with its score or exclusion; `refusal` is set when none is left.
    ///
    /// - Throws: 404 for an unknown name, or one that the key may not call.
    package func explain(
        _ name: String, facts: RouteFacts, key: KeyRecord, atMs now: Int64, health: HealthTable, nowMs: Int64,
        random: inout some RandomNumberGenerator
    ) throws(GatewayError) -> RouteExplanation {
        let candidateSet = try candidateSet(name, facts: facts, key: key, atMs: now)
        let choice = RouteChoice(candidateSet, for: nil, health: health, nowMs: nowMs, random: &random)
        return RouteExplanation(name, candidateSet, choice, health: health, nowMs: nowMs)
    }

    /// The deployments that can serve the request, regardless of measurements.
    func candidateSet(
        _ name: String, facts: RouteFacts, key: KeyRecord, atMs now: Int64
    ) throws(GatewayError) -> CandidateSet {
        guard key.mayCall(name), aliases[name] != nil || models[name] != nil else {
            throw notFound(name, key: key, atMs: now)
        }
        let alias = aliases[name]
        let candidates = alias?.candidates ?? [AliasEntry.Candidate(model: name, order: 0, weight: 1)]
        var candidateSet = CandidateSet(objective: alias?.objective)
        var served: [AliasEntry.Candidate] = []
        for candidate in candidates {
            if let reason = CandidateSet.unserved(candidate.model, alias, in: self, atMs: now) {
                candidateSet.excluded.append((candidate.model, nil, reason))
            } else {
                served.append(candidate)
            }
        }
        guard !served.isEmpty else {
            candidateSet.refusal = unserved(name, candidates: candidates, for: key, atMs: now)
            return candidateSet
        }
        var able: [AliasEntry.Candidate] = []
        for candidate in served {
            guard let model = models[candidate.model] else { continue }
            if let reason = facts.exclusion(of: model)
                ?? (alias != nil && facts.hasTools && !model.tools ? .noTools : nil)
            {
                candidateSet.excluded.append((candidate.model, nil, reason))
            } else {
                able.append(candidate)
            }
        }
        guard !able.isEmpty else {
            candidateSet.refusal = unsuited(name, facts: facts, models: served.compactMap { models[$0.model] })
            return candidateSet
        }
        if alias != nil { able = candidateSet.fitting(able, facts, in: self) }
        for candidate in able {
            for target in targets[candidate.model] ?? [] {
                if target.serves(facts.operation) {
                    candidateSet.candidates.append(RouteCandidate(target, candidate, priceAtMs: now))
                } else {
                    candidateSet.excluded.append((candidate.model, target.deployment.id, .noEndpoint))
                }
            }
        }
        if candidateSet.candidates.isEmpty { candidateSet.refusal = withoutEndpoint(name, facts.operation) }
        return candidateSet
    }
}

/// The deployments that can serve a request, not yet ordered.
struct CandidateSet {
    var objective: Objective?
    var candidates: [RouteCandidate] = []
    var excluded: [(model: String, deployment: String?, reason: Exclusion)] = []
    /// The error for the client when there are none.
    var refusal: GatewayError?

    init(objective: Objective?) { self.objective = objective.flatMap { $0.sum > 0 ? $0 : nil } }

    /// Why a model cannot serve an alias, whatever the request.
    static func unserved(
        _ name: String, _ alias: AliasEntry?, in table: RoutingTable, atMs now: Int64
    ) -> Exclusion? {
        guard let model = table.models[name], table.targets[name]?.isEmpty == false else { return .noDeployment }
        guard let price = model.price(atMs: now) else { return .noPrice }
        guard let alias else { return nil }
        if alias.needsVision, !model.vision { return .noVision }
        if alias.needsTools == true, !model.tools { return .noTools }
        if let least = alias.contextWindowMin, model.contextWindow ?? .max < least { return .windowTooSmall }
        if let most = alias.priceMax, max(price.tokens.input, price.tokens.output) > most { return .tooExpensive }
        return nil
    }

    /// The candidates whose context window seems to fit the request.
    ///
    /// The token count is an estimate and must not refuse anyone: if none seems large enough, the largest are kept.
    mutating func fitting(
        _ candidates: [AliasEntry.Candidate], _ facts: RouteFacts, in table: RoutingTable
    ) -> [AliasEntry.Candidate] {
        func window(_ candidate: AliasEntry.Candidate) -> Int64 { table.models[candidate.model]?.contextWindow ?? .max }
        let largest = candidates.map(window).max() ?? .max
        let needed = min(facts.inputTokens, largest)
        let fitting = candidates.filter { window($0) >= needed }
        for candidate in candidates where window(candidate) < needed {
            excluded.append((candidate.model, nil, .windowTooSmall))
        }
        return fitting
    }
}

/// A deployment that can serve the request, and its place in the operator's order.
struct RouteCandidate {
    let target: RouteTarget
    /// The operator's explicit order: the candidate's rank, then the deployment's.
    let order: (Int, Int)
    let candidateWeight: Int
    /// Nano-USD per million tokens, with three input tokens per output token, a usual ratio.
    let price: Double

    /// Larger weights are capped, so that sums cannot overflow.
    private static let weightMax = 1_000_000

    init(_ target: RouteTarget, _ candidate: AliasEntry.Candidate, priceAtMs now: Int64) {
        self.target = target
        order = (candidate.order, target.deployment.order)
        candidateWeight = Self.bounded(candidate.weight)
        let price = target.model.price(atMs: now)?.tokens
        self.price = (3 * Double(max(0, price?.input ?? 0)) + Double(max(0, price?.output ?? 0))) / 4
    }

    var deploymentWeight: Int { Self.bounded(target.deployment.weight) }
    var weight: Int { candidateWeight * deploymentWeight }

    private static func bounded(_ weight: Int) -> Int { min(max(0, weight), weightMax) }
}
