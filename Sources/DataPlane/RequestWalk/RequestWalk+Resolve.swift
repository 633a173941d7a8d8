internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import Routing

/// A request that waits for the limiter's verdict.
struct PendingAdmission {
    var request: InferenceRequest
    var caller: Caller
    var plan: RoutePlan
    /// Settled by the sweeper if this worker dies before it reports more.
    var event: UsageEvent
    var asked: AdmitRequest
}

/// Stages 3 and 4: resolves the name to a plan and asks the limiter to hold the plan's worst case.
extension RequestWalk {
    mutating func resolve(_ request: InferenceRequest, for caller: Caller, at now: Int64) throws(GatewayError) {
        var random = SplitMix64(state: context.randomSeed)
        var facts = request.facts
        facts.inputTokens = Estimate.inputTokens(request.size)
        let plan = try context.world.health.plan(
            for: request.model, in: context.world.table, facts: facts, key: caller.record, wallMs: context.wallMs,
            atMs: now, random: &random)
        phase = .admitting
        askTheCache(request, caller)
        admit(plan, request: request, caller: caller)
    }

    private mutating func admit(_ plan: RoutePlan, request: InferenceRequest, caller: Caller) {
        var hold = NanoUSD.zero
        var holdMin = NanoUSD.zero
        var tokens: Int64 = 0
        for target in plan.targets {
            guard let first = request.firstHold(on: target, atMs: context.wallMs) else { continue }
            hold = max(hold, first.wanted)
            holdMin = max(holdMin, first.least)
            tokens = max(tokens, Estimate.windowTokens(request.size, on: target.model))
        }
        let first = plan.targets[0]
        let price = first.model.price(atMs: context.wallMs)
        let usage =
            price?.mostExpensiveUsage(
                inputTokens: Estimate.inputBound(request.size, on: first.model),
                outputTokens: Estimate.product(
                    Estimate.outputBound(request.size, on: first.model), request.size.choices)) ?? TokenUsage()
        let event = UsageEvent(
            id: context.id.text, keyID: caller.record.keyID, orgID: caller.record.orgID, loopID: context.world.loopID,
            requested: request.model,
            model: first.deployment.upstreamModel, deployment: first.deployment.id, priceID: price?.id ?? 0,
            admittedMs: 0, usage: usage, usageSource: .bounded, cost: hold, hold: hold, outcome: .interrupted,
            status: 0,
            attempts: 1, streamed: request.streams, refundsRequest: false, firstByteMs: 0, durationMs: 0,
            configVersion: context.world.table.version,
            rawUsage: nil, pool: caller.record.pool)
        var asked = AdmitRequest(
            id: context.id, caller: caller, estimatedTokens: tokens, hold: hold, holdMin: holdMin,
            floorCost: hold, event: event.json,
            lifetimeMs: context.world.bounds.totalMs + context.world.settings.holdGraceMs)
        if case .stands = beginning { asked.hasBegun = true }
        pending = PendingAdmission(request: request, caller: caller, plan: plan, event: event, asked: asked)
        actions.append(.admit(asked))
    }

    mutating func admitAnswered(_ answer: AdmitAnswer, at now: Int64) {
        guard case .admitting = phase, let pending else { return }
        let verdict: AdmitVerdict
        switch answer {
        case .verdict(let given): verdict = given
        case .notAsked(let error): return fail(error ?? limiterUnavailable, at: now)
        case .unavailable:
            // The hold may exist, or the request may still arrive: a cancel closes the ID either way.
            actions.append(.settle(cancellation(of: pending)))
            return fail(limiterUnavailable, at: now)
        }
        switch verdict {
        case .admitted(let admission):
            self.pending = nil
            moneyWait = nil
            beginning = .skipped
            admittedMs = now
            admitted = AdmittedRequest(
                request: pending.request, caller: pending.caller, plan: pending.plan, hold: admission.hold,
                admission: admission)
            schedule(.total, afterMs: context.world.bounds.totalMs)
            if pending.request.streams { schedule(.ping, afterMs: context.world.settings.pingMs) }
            answerOrDispatch(at: now)
        case .stale: keyWasStale(at: now)
        case .refused(let error): refused(error, at: now)
        case .fenced, .closed: fail(limiterUnavailable, at: now)
        case .unreadable:
            // Whatever the verdict was, the hold may exist.
            actions.append(.settle(cancellation(of: pending)))
            fail(limiterUnavailable, at: now)
        }
    }
}

extension InferenceRequest {
    /// The hold before a deployment is called, which is also the charge if this worker dies before it reports more.
    ///
    /// - Returns: `nil` where no price is in force.
    func firstHold(on target: RouteTarget, atMs now: Int64) -> (wanted: NanoUSD, least: NanoUSD)? {
        guard let price = target.model.price(atMs: now) else { return nil }
        let bound = Estimate.outputBound(size, on: target.model)
        func cost(_ outputTokens: Int64) -> NanoUSD {
            Estimate.worstCase(size, on: target.model, at: price, outputTokens: outputTokens)
        }
        let wanted = cost(growsOn(target) ? min(bound, slice(on: target)) : bound)
        // An image cannot be cut short: all of its price is held, or nothing is spent.
        let least = operation == .image ? wanted : cost(min(bound, Estimate.outputTokensMin))
        return (wanted, least)
    }
}

/// A request that the limiter admitted. Only an admitted request can be dispatched.
struct AdmittedRequest {
    let request: InferenceRequest
    /// The key's record may be renewed while a stream runs.
    var caller: Caller
    let plan: RoutePlan
    /// Grows while a stream runs.
    var hold: NanoUSD
    let admission: Admission

    var scopes: ScopeSet { caller.scopes }

    /// Output tokens, over all choices, that the hold pays for after `owed`.
    ///
    /// `.max` when the hold covers the output bound: a provider that keeps to its limit then stops by itself.
    ///
    /// - Parameter limit: the output limit per choice that the budget forced, if any.
    func coveredTokens(on target: RouteTarget, limit: Int64?, owed: NanoUSD, atMs now: Int64) -> Int64 {
        guard request.growsOn(target) else { return .max }
        let covered = tokens(for: NanoUSD(hold.nano - owed.nano), on: target.model, atMs: now)
        let bound = Estimate.outputBound(request.size, on: target.model)
        return covered / request.size.choices >= min(bound, limit ?? bound) ? .max : covered
    }

    /// The output limit per choice that the budget forces; `nil` where the money suffices. A growing stream may also
    /// use money beyond its hold.
    func affordableOutput(on target: RouteTarget, owed: NanoUSD, atMs now: Int64) -> Int64? {
        guard request.operation != .image, let left = admission.moneyLeft else { return nil }
        let budget = request.growsOn(target) ? hold.nano + left.nano : hold.nano
        let each = tokens(for: NanoUSD(budget - owed.nano), on: target.model, atMs: now) / request.size.choices
        return each < Estimate.outputBound(request.size, on: target.model) ? max(1, each) : nil
    }

    private func tokens(for nano: NanoUSD, on model: ModelEntry, atMs now: Int64) -> Int64 {
        model.price(atMs: now)?.outputTokens(
            affordableWith: nano, inputTokens: Estimate.inputBound(request.size, on: model)) ?? .max
    }
}
