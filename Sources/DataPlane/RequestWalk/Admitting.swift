internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import ResponseCache
internal import Routing

/// A request that the limiter admitted. Nothing else can be delivered, and only `Admitting` makes one.
struct AdmittedRequest {
    let request: InferenceRequest
    /// The key's record may be renewed while a stream runs.
    var caller: Caller
    let plan: RoutePlan
    /// Extended while a stream runs.
    var hold: NanoUSD
    let admission: Admission

    var scopes: ScopeSet { caller.scopes }

    fileprivate init(_ request: InferenceRequest, _ pending: PendingAdmission, _ admission: Admission) {
        self.request = request
        caller = pending.asked.caller
        plan = pending.plan
        hold = admission.hold
        self.admission = admission
    }
}

/// The second stage: the name becomes a plan of deployments, and the limiter holds the plan's worst case.
///
/// In the same turn the cache is asked. If the limiter refuses for money, tokens or the quota of a day or month, but
/// there is a cached answer, it is asked again for the request rate alone, since a cached answer uses nothing else. A
/// refusal because running requests hold the money is retried for a while (`BudgetWait`).
struct Admitting {
    enum Result {
        case admitted(AdmittedRequest, CacheRole)
        case refused(Unadmitted)
    }

    private enum KeyState { case read, beingReadAgain, readAgain }

    private var exchange: Exchange
    private let parsed: ParsedRequest
    private var caller: Caller
    private var keyState: KeyState
    private var cache = CacheRole()
    /// `nil` while the key's record is read again.
    private var pending: PendingAdmission?
    /// The limiter's refusal, kept while the cache is asked: a cached answer may be returned in spite of it.
    private var refusalPendingCache: GatewayError?
    /// The limiter was asked again, for the request rate alone.
    private var isRateOnlyRetry = false
    /// Set while running requests hold the money this one needs and the limiter is asked again.
    private var budgetWait: BudgetWait?
    private var admission: Admission?
    private var unadmitted: Unadmitted?

    init(_ parsed: ParsedRequest, _ exchange: Exchange) {
        self.exchange = exchange
        self.parsed = parsed
        caller = parsed.caller
        keyState = parsed.keyIsFresh ? .readAgain : .read
    }

    /// - Returns: whether there is a result.
    mutating func begin(at now: Int64) -> Bool {
        ask(at: now)
        return isOver
    }

    mutating func swapActions(_ other: inout [WalkAction]) { swap(&exchange.actions, &other) }

    /// For the next stage.
    mutating func handOver() -> Exchange { exchange.handOver() }

    private var isOver: Bool { admission != nil || unadmitted != nil }

    /// What it came to; `nil` before the end.
    var result: Result? {
        if let unadmitted { return .refused(unadmitted) }
        guard let pending, let admission else { return nil }
        return .admitted(AdmittedRequest(parsed.request, pending, admission), cache)
    }

    private var context: WalkContext { exchange.context }

    /// - Returns: whether there is a result.
    mutating func handle(_ event: WalkEvent, at now: Int64) -> Bool {
        step(event, at: now)
        return isOver
    }

    private mutating func step(_ event: WalkEvent, at now: Int64) {
        switch event {
        case .admitAnswered(let answer): admitAnswered(answer, at: now)
        case .cacheAnswered(let reply): cacheAnswered(reply, at: now)
        case .keyFound(let lookup): keyFound(lookup, at: now)
        case .timer(.money): askForMoney()
        case .timer(.total): ranOutOfTime()
        case .clientGone: abandon()
        case .clientBlocked: exchange.callerIsBlocked = true
        case .clientReady: exchange.callerIsBlocked = false
        case .shutdown: shutDown()
        default: break
        }
    }

    // MARK: The limiter

    private mutating func ask(at now: Int64) {
        var random = SplitMix64(state: context.randomSeed)
        var facts = parsed.request.facts
        facts.inputTokens = Estimate.inputTokens(parsed.request.size)
        do throws(GatewayError) {
            let plan = try context.world.health.plan(
                for: parsed.request.model, in: context.world.table, facts: facts, key: caller.record,
                wallMs: context.wallMs,
                atMs: now, random: &random)
            refusalPendingCache = nil
            isRateOnlyRetry = false
            let lookUp = cache.lookUp(parsed.request, parsed.bodyDigest, parsed.cacheControl, caller, context)
            if let lookUp { exchange.actions.append(.lookUpAnswer(lookUp)) }
            let pending = PendingAdmission(plan, parsed.request, caller, early: parsed.early, context)
            self.pending = pending
            exchange.actions.append(.admit(pending.asked))
        } catch {
            refuse(error)
        }
    }

    private mutating func admitAnswered(_ answer: AdmitAnswer, at now: Int64) {
        guard let pending else { return }
        switch answer {
        case .verdict(.admitted(let admission)): self.admission = admission
        case .verdict(.stale): keyWasStale()
        case .verdict(.refused(let error)): refused(error, at: now)
        case .verdict(.fenced), .verdict(.closed): refuse(.limiterUnavailable)
        case .notAsked(let error): refuse(error ?? .limiterUnavailable)
        // The hold may exist, or the request may still arrive: a cancel closes the ID either way.
        case .verdict(.unreadable), .unavailable: refuse(.limiterUnavailable, mayHold: pending)
        }
    }

    /// The key changed since its record was read: reads it once more.
    private mutating func keyWasStale() {
        guard case .read = keyState else { return refuse(.limiterUnavailable) }
        keyState = .beingReadAgain
        pending = nil
        exchange.actions.append(.lookUpKey(digests: exchange.digests, fresh: true))
    }

    private mutating func keyFound(_ lookup: KeyLookup, at now: Int64) {
        guard case .beingReadAgain = keyState else { return }
        do throws(GatewayError) {
            caller = try lookup.caller(atMs: context.wallMs)
            keyState = .readAgain
            ask(at: now)
        } catch {
            refuse(error)
        }
    }

    // MARK: Refusals

    /// The limiter refused the request: uses a cached answer if that is still allowed, else waits for money or fails.
    private mutating func refused(_ error: GatewayError, at now: Int64) {
        guard let pending, error.isWaivedForCachedAnswers, !isRateOnlyRetry else { return waitForMoney(error, at: now) }
        switch cache.state {
        case .asking:
            refusalPendingCache = error
            if error.kind == .budgetInFlight { budgetWait = budgetWait ?? BudgetWait(error, at: now) }
            exchange.schedule(.total, afterMs: context.world.bounds.totalMs)
        case .hit(let answer):
            refusalPendingCache = nil
            budgetWait = nil
            isRateOnlyRetry = true
            askLimiter(pending.askedForRate(toServe: answer, early: parsed.early, context))
        case .miss, .unavailable, nil: waitForMoney(error, at: now)
        }
    }

    private mutating func cacheAnswered(_ reply: CacheReply, at now: Int64) {
        guard cache.answered(reply, streams: parsed.request.streams), let refusalPendingCache else { return }
        refused(refusalPendingCache, at: now)
    }

    /// Waits for running requests to release money, or returns the refusal.
    private mutating func waitForMoney(_ error: GatewayError, at now: Int64) {
        // The cache has answered; from here on only the limiter is waited for.
        refusalPendingCache = nil
        var wait = budgetWait ?? BudgetWait(error, at: now)
        var jitter = SplitMix64(state: context.randomSeed ^ UInt64(bitPattern: now))
        let pause =
            error.kind == .budgetInFlight
            ? wait.next(
                after: error, waitingAtMost: context.world.settings.moneyWaitMs, at: now, jitter: &jitter) : nil
        guard let pause else { return refuse(error) }
        budgetWait = wait
        exchange.schedule(.money, afterMs: pause)
        exchange.schedule(.total, afterMs: context.world.bounds.totalMs)
    }

    private mutating func askForMoney() {
        guard let asked = pending?.asked, budgetWait?.isAsking == false else { return }
        budgetWait?.asks()
        askLimiter(asked)
    }

    /// Without the total timeout: the limiter has a deadline of its own, and a hold that may exist must not be
    /// abandoned.
    private mutating func askLimiter(_ request: AdmitRequest) {
        exchange.actions.append(.cancelTimer(.total))
        exchange.actions.append(.admit(request))
    }

    // MARK: Ends

    /// The hold that may exist. A request that was refused, and waits for the cache or for money, has none.
    private var openHold: PendingAdmission? {
        refusalPendingCache != nil || budgetWait?.isAsking == false ? nil : pending
    }

    private mutating func ranOutOfTime() {
        guard openHold == nil, let refusal = refusalPendingCache ?? budgetWait?.refusal else { return }
        refuse(refusal)
    }

    /// The hold may or may not exist yet: a cancel closes the ID either way, even before a late admit.
    private mutating func abandon() { end(Ending(status: 0, outcome: .cancelled), mayHold: openHold) }

    private mutating func shutDown() {
        let error = GatewayError.serverShutdown
        guard pending != nil else { return refuse(error, close: true) }
        exchange.send(.respond(exchange.errorResponse(error), close: true))
        abandon()
    }

    private mutating func refuse(_ error: GatewayError, close: Bool = false, mayHold pending: PendingAdmission? = nil) {
        exchange.send(.respond(exchange.errorResponse(error), close: close))
        end(Ending(error), mayHold: pending)
    }

    private mutating func end(_ ending: Ending, mayHold pending: PendingAdmission?) {
        var ending = ending
        ending.cache = cache.word
        unadmitted = Unadmitted(ending, holding: parsed.early, mayHold: pending, context)
    }
}
