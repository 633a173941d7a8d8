internal import GatewayModel
internal import PlaneContract
internal import Routing

/// Which deployment is asked next: the order of the plan, one retry, and what to return when none is left.
struct AttemptLoop {
    /// Index into the plan of the next deployment to try.
    private var next = 0
    private var lastTarget: RouteTarget?
    private(set) var lastFailure: FailureClass?
    /// The delay the last deployment asked for, in milliseconds.
    private var retryAfterMs: Int64 = 0
    /// The last deployment answered with an error status, so it did nothing and may be retried once.
    var mayRetry = false
    private(set) var retryIsDue = false
    private(set) var hasRetried = false
    /// The error to return when no deployment is left: one at most. It is not stored in place because it is large and
    /// rare, and would be part of every delivery.
    private var errors: [GatewayError] = []
    /// Every failure so far was a provider's own rate limit.
    private var allRateLimited = true
    /// The next deployment, waiting for a hold that covers it and what is owed.
    var waitingTarget: RouteTarget?

    private(set) var lastError: GatewayError? {
        get { errors.first }
        set { errors = newValue.map { [$0] } ?? [] }
    }

    enum Choice {
        case start(RouteTarget)
        case retry(afterMs: Int64)
        case none
    }

    /// The next deployment of the plan; after the last one, one retry of it if nothing can have been charged.
    ///
    /// - Parameter made: attempts so far.
    mutating func choose(from plan: RoutePlan, made: Int, _ context: WalkContext) -> Choice {
        if retryIsDue, let lastTarget {
            retryIsDue = false
            return .start(lastTarget)
        }
        if next < plan.targets.count {
            let target = plan.targets[next]
            next += 1
            lastTarget = target
            return .start(target)
        }
        let settings = context.world.settings
        guard mayRetry, !hasRetried, made < RoutePlan.attemptsMax, retryAfterMs <= settings.retryAskedMsMax,
            context.world.health.withdrawRetry()
        else { return .none }
        hasRetried = true
        retryIsDue = true
        var random = SplitMix64(state: context.randomSeed &+ UInt64(made))
        let jitter = Int64.random(
            in: settings.retryMsMin...max(settings.retryMsMin, settings.retryMsMax), using: &random)
        return .retry(afterMs: max(jitter, retryAfterMs))
    }

    func hasMore(in plan: RoutePlan) -> Bool { next < plan.targets.count }

    /// Moves on to a model with a larger context window, if the alias allows another model.
    ///
    /// - Returns: whether there is one.
    mutating func skipToLargerWindow(than target: RouteTarget, in plan: RoutePlan) -> Bool {
        guard plan.crossesModels, let window = target.model.contextWindow,
            let larger = plan.targets[next...].firstIndex(where: { $0.model.contextWindow ?? .max > window })
        else { return false }
        next = larger
        allRateLimited = false
        return true
    }

    /// The attempt failed because of its deployment.
    mutating func failed(_ failure: FailureClass, retryAfterMs: Int64?) {
        lastFailure = failure
        self.retryAfterMs = retryAfterMs ?? 0
        mayRetry = false
    }

    /// The attempt failed, perhaps because of its deployment, without a verdict about it.
    mutating func failedUndecided() {
        lastFailure = .operatorAuth
        mayRetry = false
    }

    /// Keeps the error to return when no deployment is left.
    ///
    /// 429 normally means the caller's own limit. It is returned for providers only when all of them are rate limited,
    /// with the shortest wait.
    mutating func record(_ error: GatewayError) {
        guard let last = lastError else {
            allRateLimited = error.kind == .rateLimitExceeded
            lastError = error
            return
        }
        let wait = [last.retryAfterMs, error.retryAfterMs].compactMap { $0 }.min()
        let isLimited = error.kind == .rateLimitExceeded
        allRateLimited = allRateLimited && isLimited
        lastError = isLimited && !allRateLimited && last.kind != .rateLimitExceeded ? last : error
        if isLimited || last.kind == .rateLimitExceeded { lastError?.retryAfterMs = wait }
    }

    /// The request could not be translated for a deployment: the next one may support what this one does not.
    mutating func recordUntranslatable(_ error: GatewayError) {
        mayRetry = false
        lastError = lastError ?? error
    }
}
