internal import GatewayModel
internal import PlaneContract
internal import Routing

/// The attempts of a request so far.
struct AttemptTrail {
    /// Index into the plan of the next deployment to try.
    var next = 0
    var lastTarget: RouteTarget?
    /// The last deployment a request was sent to.
    var askedTarget: RouteTarget?
    var lastClass: FailureClass?
    /// The delay the last deployment asked for, in milliseconds.
    var retryAfterMs: Int64 = 0
    /// The last deployment answered with an error status, so it did nothing and may be retried once.
    var mayRetry = false
    var retryIsDue = false
    var hasRetried = false
    /// Every failure so far was a provider's own rate limit.
    var allRateLimited = true
    /// What earlier attempts that were abandoned for their silence may be billed for.
    var owed = Charge.nothing
    /// The next deployment, waiting for a hold that covers it and `owed`.
    var waitingTarget: RouteTarget?
}

/// Chooses the next deployment and reports each attempt's outcome.
extension RequestWalk {
    /// The next deployment of the plan.
    ///
    /// After the last one, schedules one retry of the same deployment if nothing can have been charged for it, or fails
    /// the request.
    ///
    /// - Returns: `nil` if no attempt can start now.
    mutating func nextTarget(of plan: RoutePlan, at now: Int64) -> RouteTarget? {
        if trail.retryIsDue {
            trail.retryIsDue = false
            return trail.lastTarget
        }
        if trail.next < plan.targets.count {
            trail.next += 1
            trail.lastTarget = plan.targets[trail.next - 1]
            return trail.lastTarget
        }
        guard trail.mayRetry, !trail.hasRetried, attemptsMade < RoutePlan.attemptsMax,
            trail.retryAfterMs <= context.world.settings.retryAskedMsMax, context.world.health.withdrawRetry()
        else {
            giveUp(at: now)
            return nil
        }
        trail.hasRetried = true
        trail.retryIsDue = true
        let settings = context.world.settings
        var random = SplitMix64(state: context.randomSeed &+ UInt64(attemptsMade))
        let jitter = Int64.random(
            in: settings.retryMsMin...max(settings.retryMsMin, settings.retryMsMax), using: &random)
        schedule(.retry, afterMs: max(jitter, trail.retryAfterMs))
        return nil
    }

    mutating func retryAttempt(at now: Int64) {
        guard trail.retryIsDue, attempt == nil, case .dispatching = phase else { return }
        startNextAttempt(at: now)
    }

    /// Moves on to a model with a larger context window, if the alias allows another model.
    mutating func goesToLargerWindow(than target: RouteTarget) -> Bool {
        guard let plan = admitted?.plan, plan.crossesModels, let window = target.model.contextWindow else {
            return false
        }
        let larger = plan.targets[trail.next...].firstIndex { $0.model.contextWindow ?? .max > window }
        guard let larger else { return false }
        note(.noVerdict)
        trail.next = larger
        trail.allRateLimited = false
        attempt = nil
        return true
    }

    /// Keeps the error to return when no deployment is left.
    ///
    /// 429 normally means the caller's own limit. It is returned for providers only when all of them are rate limited,
    /// with the shortest wait.
    mutating func remember(_ failure: GatewayError) {
        guard let last = lastFailure else {
            trail.allRateLimited = failure.kind == .rateLimitExceeded
            lastFailure = failure
            return
        }
        let wait = [last.retryAfterMs, failure.retryAfterMs].compactMap { $0 }.min()
        let isLimited = failure.kind == .rateLimitExceeded
        trail.allRateLimited = trail.allRateLimited && isLimited
        lastFailure = isLimited && !trail.allRateLimited && last.kind != .rateLimitExceeded ? last : failure
        if isLimited || last.kind == .rateLimitExceeded { lastFailure?.retryAfterMs = wait }
    }

    /// The retry delay for the caller: what the provider asked for, within bounds.
    func waitMs(_ asked: Int64?) -> Int64 {
        min(max(asked ?? context.world.settings.restMs, 1), CoolDown.retryAfterMsMax)
    }

    // MARK: Reports to the health table

    /// Reports that the attempt failed because of its deployment.
    mutating func blame(_ failure: FailureClass, retryAfterMs: Int64? = nil, at now: Int64) {
        trail.lastClass = failure
        trail.retryAfterMs = retryAfterMs ?? 0
        trail.mayRetry = false
        note(.failed(failure, retryAfterMs: retryAfterMs))
    }

    mutating func noteFirstToken(at now: Int64) {
        guard let attempt else { return }
        note(.firstToken(afterMs: now - attempt.startedMs))
        self.attempt?.isNoted = false
        self.attempt?.firstTokenMs = now
    }

    mutating func noteStreamed(_ usage: TokenUsage, at now: Int64) {
        guard let first = attempt?.firstTokenMs else { return }
        note(.streamed(tokens: usage.output + usage.reasoning, overMs: now - first))
    }

    mutating func noteAnswered(_ usage: TokenUsage, at now: Int64) {
        guard let attempt else { return }
        note(.answered(tokens: usage.output + usage.reasoning, afterMs: now - attempt.startedMs))
    }

    /// Reports an attempt that ended without a verdict. `note` sends only the first report per attempt.
    mutating func noteEnd(at now: Int64) { note(.noVerdict) }

    mutating func note(_ note: AttemptObservation) {
        guard let attempt, !attempt.isNoted else { return }
        self.attempt?.isNoted = true
        actions.append(
            .noteAttempt(
                AttemptReport(
                    attempt.target, for: attempt.key, startedMs: attempt.startedMs, streams: attempt.streams,
                    wasWaiting: attempt.firstTokenMs == nil, note)))
    }

    // MARK: Response headers

    /// Adds the headers that say how the deployment was chosen.
    func addRoute(to block: inout HeaderBlock) {
        guard let attempt, let admitted else { return }
        block.add("x-aihub-model-requested", Self.headerText(admitted.request.model))
        block.add("x-aihub-deployment", attempt.target.deployment.id)
        block.add("x-aihub-attempts", Int64(attemptsMade))
        guard attemptsMade > 1, let failure = trail.lastClass else {
            return block.add("x-aihub-route", admitted.plan.reason.text)
        }
        let way = trail.hasRetried ? "retry" : "fallback"
        block.add("x-aihub-route", "\(way); after=\(failure.rawValue); first=\(admitted.plan.reason.text)")
    }

    /// The name as the caller wrote it; bytes that are not visible ASCII are replaced, since headers cannot carry them.
    private static func headerText(_ name: String) -> String {
        name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
            ? name : String(decoding: name.utf8.map { $0 > 0x20 && $0 < 0x7f ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
