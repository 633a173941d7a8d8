internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import ProviderResponses
internal import Routing

/// The third stage: an admitted request gets a cached answer, or that of a deployment.
///
/// Attempts are made in the order of the plan, until one has output for the caller; from then on its events are passed
/// on one by one, as they arrive.
struct Delivery {
    /// What decides between the deployments. Everything that is written, held or ended is in `downstream`.
    private var attempts = AttemptLoop()
    private var downstream: Downstream
    /// The cache may still have an answer.
    private var awaitsCache = true

    init(_ admitted: AdmittedRequest, _ cache: CacheRole, _ exchange: Exchange, at now: Int64) {
        downstream = Downstream(admitted, cache, exchange, at: now)
    }

    /// - Returns: whether there is a result.
    mutating func begin(at now: Int64) -> Bool {
        downstream.exchange.schedule(.total, afterMs: context.world.bounds.totalMs)
        if request.streams { downstream.exchange.schedule(.ping, afterMs: context.world.settings.pingMs) }
        answerOrDispatch(at: now)
        return isOver
    }

    mutating func swapActions(_ other: inout [WalkAction]) { swap(&downstream.exchange.actions, &other) }

    /// For the next stage.
    mutating func handOver() -> Exchange { downstream.exchange.handOver() }

    private var isOver: Bool { downstream.delivered != nil }
    /// What it came to; `nil` before the end.
    var result: Delivered? { downstream.delivered }

    private var exchange: Exchange { downstream.exchange }
    private var context: WalkContext { downstream.exchange.context }
    private var request: InferenceRequest { downstream.hold.admitted.request }
    private var plan: RoutePlan { downstream.hold.admitted.plan }

    /// - Returns: whether there is a result.
    mutating func handle(_ event: WalkEvent, at now: Int64) -> Bool {
        step(event, at: now)
        return isOver
    }

    private mutating func step(_ event: WalkEvent, at now: Int64) {
        switch event {
        case .attemptHead(let number, let status, let contentType, let retryAfterMs):
            guard number == downstream.attempt?.number else { return }
            downstream.attempt?.headArrived(status: status, contentType: contentType, retryAfterMs: retryAfterMs)
        case .attemptBytes(let number, let bytes):
            if number == downstream.attempt?.number { attemptSent(bytes, at: now) }
        case .attemptEnded(let number): if number == downstream.attempt?.number { attemptEnded(at: now) }
        case .attemptFailed(let number, let failure):
            if number == downstream.attempt?.number { transportFailed(failure, at: now) }
        case .cacheAnswered(let reply):
            if downstream.cache.answered(reply, streams: request.streams) { answerOrDispatch(at: now) }
        case .progressAnswered(let verdict): progressAnswered(verdict, at: now)
        case .keyFound(let lookup): keyFound(lookup, at: now)
        case .clientBlocked: downstream.block(at: now)
        case .clientReady: downstream.unblock(at: now)
        case .clientGone: downstream.callerLeft(isDispatched: !awaitsCache, at: now)
        case .timer(let timer): timerFired(timer, at: now)
        case .shutdown: shutDown(at: now)
        default: break
        }
    }

    private mutating func timerFired(_ timer: WalkTimer, at now: Int64) {
        switch timer {
        case .firstEvent: firstEventMissing(at: now)
        case .idle:
            if downstream.isRelaying { downstream.streamBroke("no event for too long", isSilence: true, at: now) }
        case .total: ranOutOfTime(at: now)
        case .retry: if attempts.retryIsDue, downstream.attempt == nil { startNextAttempt(at: now) }
        case .ping: downstream.ping()
        case .progress:
            guard downstream.attempt != nil else { return }
            downstream.reportProgress(at: now)
            downstream.watchHold(at: now)
            guard !isOver else { return }
            downstream.exchange.schedule(.progress, afterMs: context.world.settings.progressMs)
        case .money: break
        }
    }

    // MARK: From deployment to deployment

    private mutating func answerOrDispatch(at now: Int64) {
        switch downstream.cache.state {
        case .asking: return
        case .hit(let answer): downstream.serve(answer, at: now)
        case .miss, .unavailable, nil:
            awaitsCache = false
            startNextAttempt(at: now)
        }
    }

    private mutating func startNextAttempt(at now: Int64) {
        // Nobody is waiting for another deployment's answer.
        guard !exchange.callerIsDone else { return giveUp(at: now) }
        switch attempts.choose(from: plan, made: downstream.attemptsMade, context) {
        case .start(let target):
            guard downstream.hold.owed.cost == .zero else { return holdForFallback(to: target, at: now) }
            start(target, at: now)
        case .retry(let afterMs): downstream.exchange.schedule(.retry, afterMs: afterMs)
        case .none: giveUp(at: now)
        }
    }

    private mutating func start(_ target: RouteTarget, at now: Int64) {
        let route = ChosenRoute(after: attempts.lastFailure, isRetry: attempts.hasRetried)
        do throws(GatewayError) {
            try downstream.start(target, route, at: now)
        } catch {
            downstream.dropAttempt()
            attempts.recordUntranslatable(error)
            startNextAttempt(at: now)
        }
    }

    private mutating func moveOn(after error: GatewayError, at now: Int64) {
        attempts.record(error)
        downstream.dropAttempt()
        startNextAttempt(at: now)
    }

    private mutating func giveUp(at now: Int64) {
        downstream.fail(
            attempts.lastError ?? GatewayError(.noProviderAvailable, "No provider is available."), at: now)
    }

    /// The attempt failed because of its deployment.
    private mutating func blame(_ failure: FailureClass, retryAfterMs: Int64? = nil) {
        attempts.failed(failure, retryAfterMs: retryAfterMs)
        downstream.report(.failed(failure, retryAfterMs: retryAfterMs))
    }

    /// The first event timed out: tries the next deployment, once the hold covers both, since both may be billed.
    private mutating func firstEventMissing(at now: Int64) {
        guard !downstream.isRelaying, downstream.attempt != nil else { return }
        downstream.abandonAttempt(at: now)
        blame(.slow)
        moveOn(after: .noFirstEvent, at: now)
    }

    /// Asks the limiter to extend the hold to what the silent attempt may cost plus the next attempt.
    private mutating func holdForFallback(to target: RouteTarget, at now: Int64) {
        attempts.waitingTarget = target
        if !downstream.askHoldForFallback(to: target, at: now) { fallbackHeld(at: now) }
    }

    private mutating func fallbackHeld(at now: Int64) {
        guard let target = attempts.waitingTarget else { return }
        attempts.waitingTarget = nil
        downstream.hold.pays(forFallbackTo: target) ? start(target, at: now) : giveUp(at: now)
    }

    private mutating func progressAnswered(_ verdict: ProgressVerdict, at now: Int64) {
        guard !exchange.callerIsDone, !awaitsCache else { return }
        if case .held(let hold, _) = verdict { downstream.hold.raise(to: hold) }
        if attempts.waitingTarget != nil { return fallbackHeld(at: now) }
        downstream.progressAnswered(verdict, at: now)
    }

    // MARK: What a provider sends

    private mutating func attemptSent(_ bytes: [UInt8], at now: Int64) {
        if downstream.attempt?.isRelayed == true { return streamSent(downstream.relay(bytes, at: now), at: now) }
        let bounds = context.world.bounds
        let isAnswer = downstream.attempt?.status == 200
        let limit = isAnswer ? bounds.answerBytesMax : bounds.errorBodyBytesMax
        if downstream.attempt?.append(bytes, bytesMax: limit) == false, isAnswer {
            downstream.answerTooLarge(limit, at: now)
        }
    }

    private mutating func streamSent(_ outcome: Downstream.StreamOutcome, at now: Int64) {
        switch outcome {
        case .goesOn: break
        case .done: downstream.streamDone(at: now)
        case .otherModel: downstream.answeredByAnother(at: now)
        case .tooLarge(let limit): downstream.answerTooLarge(limit, at: now)
        case .broken(let why): downstream.answerBroke(why, at: now)
        case .failed(_, let detail) where downstream.isRelaying:
            downstream.streamBroke("error event: \(detail)", at: now)
        case .failed(let refusal, let detail):
            // An error inside a 200 before anything was relayed is handled like an error status.
            downstream.cancelAttempt()
            refused(refusal, said: "error as first event: \(detail)", at: now)
        }
    }

    private mutating func attemptEnded(at now: Int64) {
        if downstream.isRelaying { return downstream.streamEnded(at: now) }
        guard let attempt = downstream.attempt else { return }
        switch PlainAnswer(attempt, to: request, context) {
        case .refused(let refusal, let said): refused(refusal, said: said, at: now)
        case .unusable(let detail, let facts):
            if let facts { downstream.tally.count(facts) }
            downstream.answerBroke(detail, at: now)
        case .answer(let body, let facts):
            downstream.tally.count(facts)
            if let model = facts.model { downstream.tally.answered(by: model, attempt.target, context) }
            if downstream.tally.higherPrice != nil { return downstream.answeredByAnother(at: now) }
            if request.operation == .image { downstream.tally.count(images: facts.results) }
            downstream.deliver(body, at: now)
        }
    }

    /// A deployment refused the request.
    private mutating func refused(_ refusal: ProviderRefusal, said: String, at now: Int64) {
        guard let attempt = downstream.attempt else { return }
        switch RefusalVerdict(refusal, of: attempt, said: said, restMs: context.world.settings.restMs) {
        case .fails(let error): downstream.fail(error, at: now, .nothing(keepsUnit: true))
        case .needsLargerWindow(let error):
            guard attempts.skipToLargerWindow(than: attempt.target, in: plan) else {
                return downstream.fail(error, at: now, .nothing(keepsUnit: true))
            }
            downstream.report(.noVerdict)
            downstream.dropAttempt()
            startNextAttempt(at: now)
        case .undecided(let error):
            downstream.report(.noVerdict)
            guard attempts.hasMore(in: plan) else {
                return downstream.fail(error, at: now, .nothing(keepsUnit: true))
            }
            attempts.failedUndecided()
            moveOn(after: error, at: now)
        case .blames(let failure, let retryAfterMs, let error):
            blame(failure, retryAfterMs: retryAfterMs)
            // A redirect or another success status does not say that nothing was done.
            attempts.mayRetry = (400..<600).contains(attempt.status ?? 0) && failure.allowsRetry
            moveOn(after: error, at: now)
        }
    }

    /// The transport gave up before the answer was complete.
    private mutating func transportFailed(_ failure: TransportFailure, at now: Int64) {
        if downstream.isRelaying { return downstream.streamBroke(failure.detail, at: now) }
        switch failure {
        case .insecure(let detail):
            blame(.insecure)
            moveOn(after: .upstreamInsecure(detail), at: now)
        case .notSent(let detail):
            blame(.unreachable)
            moveOn(after: .upstreamUnreachable(detail), at: now)
        // The request may have been received and billed: a second attempt could charge twice.
        case .ambiguous(let detail): downstream.connectionLost(detail, at: now)
        }
    }

    // MARK: What ends it early

    /// The key of a running stream was changed: continues with the new record, or ends the stream.
    private mutating func keyFound(_ lookup: KeyLookup, at now: Int64) {
        guard !exchange.callerIsDone, !awaitsCache else { return }
        switch lookup {
        case .found(let caller) where caller.record.isLive(atMs: context.wallMs + now - exchange.startedMs):
            downstream.hold.renew(caller)
        case .found, .unknown: downstream.stop(.keyWithdrawn, at: now)
        case .unavailable, .notAsked: break
        }
    }

    private mutating func ranOutOfTime(at now: Int64) {
        if downstream.attempt != nil, !exchange.callerIsBlocked, !exchange.callerIsDone { blame(.slow) }
        downstream.stop(.tookTooLong(totalMs: context.world.bounds.totalMs), mayReadOn: false, at: now)
    }

    private mutating func shutDown(at now: Int64) {
        downstream.stop(.serverShutdown, close: true, mayReadOn: false, at: now)
    }
}
