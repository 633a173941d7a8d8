internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import ResponseCache
internal import Routing

/// A request that waits for the limiter's verdict.
struct PendingAdmission {
    let plan: RoutePlan
    /// Settled by the sweeper if this worker dies before it reports more.
    let event: UsageEvent
    /// What the limiter is asked for: the plan's worst case.
    let asked: AdmitRequest

    init(
        _ plan: RoutePlan, _ request: InferenceRequest, _ caller: Caller, early: EarlyAdmission, _ context: WalkContext
    ) {
        self.plan = plan
        var hold = NanoUSD.zero
        var holdMin = NanoUSD.zero
        var tokens: Int64 = 0
        for target in plan.targets {
            guard let first = request.firstHold(on: target, atMs: context.wallMs) else { continue }
            hold = max(hold, first.wanted)
            holdMin = max(holdMin, first.least)
            tokens = max(tokens, Estimate.windowTokens(request.size, on: target.model))
        }
        event = Self.event(plan.targets[0], request, caller, hold: hold, context)
        var asked = AdmitRequest(
            id: context.id, caller: caller, estimatedTokens: tokens, hold: hold, holdMin: holdMin,
            floorCost: hold, event: event.json,
            lifetimeMs: context.world.bounds.totalMs + context.world.settings.holdGraceMs)
        if early.stands { asked.hasBegun = true }
        self.asked = asked
    }

    private static func event(
        _ first: RouteTarget, _ request: InferenceRequest, _ caller: Caller, hold: NanoUSD, _ context: WalkContext
    ) -> UsageEvent {
        let price = first.model.price(atMs: context.wallMs)
        let usage =
            price?.mostExpensiveUsage(
                inputTokens: Estimate.inputBound(request.size, on: first.model),
                outputTokens: Estimate.product(
                    Estimate.outputBound(request.size, on: first.model), request.size.choices)) ?? TokenUsage()
        return UsageEvent(
            id: context.id.text, keyID: caller.record.keyID, orgID: caller.record.orgID, loopID: context.world.loopID,
            requested: request.model,
            model: first.deployment.upstreamModel, deployment: first.deployment.id, priceID: price?.id ?? 0,
            admittedMs: 0, usage: usage, usageSource: .bounded, cost: hold, hold: hold, outcome: .interrupted,
            status: 0,
            attempts: 1, streamed: request.streams, refundsRequest: false, firstByteMs: 0, durationMs: 0,
            configVersion: context.world.table.version,
            rawUsage: nil, pool: caller.record.pool)
    }

    /// Asks only for the requests per minute and a concurrency slot, for a cached answer.
    func askedForRate(toServe answer: CachedResponse, early: EarlyAdmission, _ context: WalkContext) -> AdmitRequest {
        var event = event
        event.model = answer.model
        event.deployment = answer.deployment
        event.priceID = answer.priceID
        event.usage = TokenUsage()
        event.cost = .zero
        event.hold = .zero
        event.attempts = 0
        event.refundsRequest = true
        var request = AdmitRequest(
            id: context.id, caller: asked.caller, estimatedTokens: 0, hold: .zero, holdMin: .zero, floorCost: .zero,
            event: event.json, lifetimeMs: context.world.bounds.totalMs + context.world.settings.holdGraceMs)
        request.isForCachedResponse = true
        if early.stands { request.hasBegun = true }
        return request
    }

    /// A cancel. Its event is recorded only if the request was admitted and reaped without this worker's knowledge.
    func cancellation(_ context: WalkContext) -> SettleRequest {
        let scopes = asked.caller.scopes
        var event = event
        event.admittedMs = context.wallMs
        event.cost = .zero
        event.usage = TokenUsage()
        event.outcome = .cancelled
        event.attempts = 0
        event.refundsRequest = true
        return SettleRequest(
            id: context.id.text, scopes: scopes, target: .cancelled, cost: .zero, tokens: 0,
            event: event.json, periods: scopes.periods("0/0"), refundsRequest: true)
    }
}
