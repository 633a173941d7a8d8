internal import Admission
internal import EventStream
internal import GatewayModel
internal import PlaneContract
internal import ProviderResponses
internal import Routing
internal import Translation

/// The stream of an attempt: passed on event by event, no faster than the caller reads, and no further than the hold
/// pays for.
extension Downstream {
    /// What the bytes of a stream came to. All but the first end the attempt.
    enum StreamOutcome {
        case goesOn
        case done
        case otherModel
        case tooLarge(bytesMax: Int)
        case broken(String)
        case failed(ProviderRefusal, detail: String)
    }

    mutating func relay(_ bytes: [UInt8], at now: Int64) -> StreamOutcome {
        let bytesMax = context.world.bounds.streamBytesMax
        guard attempt?.count(bytes, bytesMax: bytesMax) == true else { return .tooLarge(bytesMax: bytesMax) }
        var events: [[UInt8]] = []
        let isTooLarge = attempt?.parse(bytes, into: &events) == true
        var out: [UInt8] = []
        for data in events {
            if let outcome = relay(event: data, into: &out, at: now) { return outcome }
        }
        if !out.isEmpty {
            exchange.send(.respondBytes(out))
            exchange.schedule(.ping, afterMs: context.world.settings.pingMs)
        }
        watchHold(at: now)
        return isTooLarge && delivered == nil ? .tooLarge(bytesMax: EventStreamParser.eventBytesMax) : .goesOn
    }

    private mutating func relay(event data: [UInt8], into out: inout [UInt8], at now: Int64) -> StreamOutcome? {
        guard let step = attempt?.translate(data) else { return nil }
        switch step {
        // An event without output for the caller is still a sign of life.
        case .nothing:
            if isRelaying { watchForSilence() }
            return nil
        case .chunk(let chunk): return relay(chunk, into: &out, at: now) ? nil : .otherModel
        case .last(let chunk):
            guard relay(chunk, into: &out, at: now) else { return .otherModel }
            flush(out)
            return .done
        case .done:
            flush(out)
            return .done
        case .failed(let refusal, let detail):
            flush(out)
            return .failed(refusal, detail: detail)
        case .broken(let why):
            flush(out)
            return .broken(why)
        }
    }

    /// - Returns: whether it is of the model that was asked for, or of one that costs no more.
    private mutating func relay(_ chunk: ChatChunk, into out: inout [UInt8], at now: Int64) -> Bool {
        tally.count(chunk, from: hold.target, context)
        hold.passed(max(chunk.contentDeltas, chunk.contentBytes))
        if tally.higherPrice != nil { return false }
        watchForSilence()
        startRelaying(at: now)
        if chunk.hasChoices { append(chunk, to: &out) }
        return true
    }

    private mutating func flush(_ out: [UInt8]) {
        if !out.isEmpty { exchange.send(.respondBytes(out)) }
    }

    private mutating func watchForSilence() {
        if let idleMs = attempt?.target.model.idleMs, !exchange.callerIsBlocked {
            exchange.schedule(.idle, afterMs: idleMs)
        }
    }

    // MARK: Pace

    /// The caller reads too slowly: pauses the upstream and does not blame it for the silence meanwhile.
    mutating func block(at now: Int64) {
        exchange.callerIsBlocked = true
        guard let attempt, !hold.isUsedUp else { return }
        hold.pause(atMs: now)
        exchange.actions += [.pauseAttempt(attempt.number), .cancelTimer(.firstEvent), .cancelTimer(.idle)]
    }

    mutating func unblock(at now: Int64) {
        exchange.callerIsBlocked = false
        if !hold.isUsedUp { hold.resume(atMs: now) }
        resumeAttempt()
    }

    /// Resumes the upstream unless the caller or the hold still blocks it.
    private mutating func resumeAttempt() {
        guard let attempt, !exchange.callerIsBlocked, !hold.isUsedUp else { return }
        exchange.actions.append(.resumeAttempt(attempt.number))
        if isRelaying {
            exchange.schedule(.idle, afterMs: attempt.target.model.idleMs)
        } else if request.streams {
            exchange.schedule(.firstEvent, afterMs: attempt.target.model.firstEventMs)
        }
    }

    // MARK: The hold

    /// Extends the hold before it can be used up.
    ///
    /// If it is used up, pauses the upstream while an extension is pending, and ends the stream when it was refused.
    mutating func watchHold(at now: Int64) {
        guard hold.isPartial, !exchange.callerIsDone, !tally.isFinished, let number = attempt?.number else { return }
        switch hold.verdict(tally, atMs: now) {
        case .suffices: break
        case .nearsItsEnd: reportProgress(at: now)
        case .usedUp(let mustAsk):
            if mustAsk { reportProgress(at: now) }
            guard hold.waitForExtension(atMs: now), !exchange.callerIsBlocked else { return }
            exchange.actions += [.pauseAttempt(number), .cancelTimer(.firstEvent), .cancelTimer(.idle)]
        case .outOfMoney: endForBudget(at: now)
        }
    }

    /// Reports what the stream may cost until the next report.
    ///
    /// Asks for the next slice as well if the hold is nearly used up.
    mutating func reportProgress(at now: Int64) {
        guard attempt != nil, !exchange.callerIsDone else { return }
        let charge = hold.charge(.cut, tally, atMs: now, aheadMs: 2 * context.world.settings.progressMs)
        reportProgress(status: 200, charge, holding: hold.extended(tally, atMs: now), at: now)
    }

    /// Asks for a hold that covers what the silent attempt may cost and the next one.
    ///
    /// - Returns: whether there is anything to ask for.
    mutating func askHoldForFallback(to target: RouteTarget, at now: Int64) -> Bool {
        guard let wanted = hold.wanted(forFallbackTo: target) else { return false }
        reportProgress(status: 0, hold.charge(.nothing(keepsUnit: true), tally, atMs: now), holding: wanted, at: now)
        return true
    }

    private mutating func reportProgress(status: Int, _ charge: Charge, holding wanted: NanoUSD, at now: Int64) {
        let event = UsageEvent(
            exchange, hold, tally, .interrupted, status: status, attempts: attemptsMade, charge, at: now)
        exchange.actions.append(
            .reportProgress(
                ProgressReport(
                    id: context.id, caller: hold.admitted.caller, cost: event.cost, hold: wanted, event: event.json)))
    }

    mutating func progressAnswered(_ verdict: ProgressVerdict, at now: Int64) {
        guard attempt != nil else { return }
        let wasExtending: Bool
        switch verdict {
        case .held(_, let reason): wasExtending = hold.extensionAnswered(isHeld: true, reason: reason)
        case .stale:
            wasExtending = hold.extensionAnswered(isHeld: false, reason: nil)
            exchange.actions.append(.lookUpKey(digests: exchange.digests, fresh: true))
        // Redis is down: the answer goes on within its hold, and the next report asks again.
        case .closed, .unavailable: wasExtending = hold.extensionAnswered(isHeld: false, reason: nil)
        }
        guard wasExtending else { return }
        let isAtItsEnd = hold.isAtItsEnd(tally, atMs: now)
        if isAtItsEnd, hold.limit != nil { return endForBudget(at: now) }
        guard hold.isUsedUp else { return }
        // Nothing is produced without a hold, even while Redis is down.
        if isAtItsEnd, case .unavailable = verdict { return breakStream(.limiterUnavailable, at: now) }
        hold.endWait()
        if !exchange.callerIsBlocked { hold.resume(atMs: now) }
        resumeAttempt()
    }

    /// The budget is used up: ends the stream as if it had reached its output limit, with the reason.
    ///
    /// Only for streams whose bill ends when they are closed.
    private mutating func endForBudget(at now: Int64) {
        guard isRelaying, let chunk = tally.lastChunk else {
            return failInFlight(
                GatewayError(
                    .insufficientQuota, "The budget ended while the model was thinking, before its answer began.",
                    detail: "cut for money"), at: now)
        }
        cancelAttempt()
        let last = StreamEvents.outOfMoney(request, hold.limit, like: chunk, model: tally.quotedModel(hold.translator))
        exchange.send(.respondBytes(StreamEvents.event(last)))
        finishStream(at: now, reason: "budget_exhausted", .cut)
    }

    // MARK: Failures

    mutating func streamDone(at now: Int64) {
        guard isRelaying else { return answerBroke("stream without events", at: now) }
        guard tally.isFinished else { return streamBroke("[DONE] without a finish reason", at: now) }
        if let attempt { exchange.actions.append(.releaseAttempt(attempt.number)) }
        finishStream(at: now)
    }

    mutating func streamEnded(at now: Int64) {
        guard tally.isFinished else { return streamBroke("stream ended without a finish reason", at: now) }
        finishStream(at: now)
    }

    /// The provider broke off after data was sent to the caller.
    ///
    /// - Parameter isSilence: a silent provider may still complete its answer; one that broke off will not.
    mutating func streamBroke(_ detail: String, isSilence: Bool = false, at now: Int64) {
        report(.failed(.streamBroken, retryAfterMs: nil))
        breakStream(isSilence ? .streamSilent(detail) : .streamBroken(detail), mayReadOn: isSilence, at: now)
    }

    /// An answer that cannot be used. The usage it reports may be billed.
    mutating func answerBroke(_ detail: String, at now: Int64) {
        if isRelaying { return streamBroke(detail, at: now) }
        cancelAttempt()
        report(.failed(.transient, retryAfterMs: nil))
        fail(.unusableAnswer(detail), at: now, tally.usage == nil ? billingWhenLost(at: now) : .whole)
    }

    /// The request may have been received and billed.
    mutating func connectionLost(_ detail: String, at now: Int64) {
        report(.failed(.transient, retryAfterMs: nil))
        let error = GatewayError.upstreamConnectionLost(detail)
        // A plain answer whose head arrived was completed, or nearly so.
        guard attempt?.status == 200 else { return fail(error, at: now, billingWhenLost(at: now)) }
        failInFlight(error, at: now, mayReadOn: false)
    }

    /// The billing of a request that got no response but may have been processed.
    private func billingWhenLost(at now: Int64) -> Billing {
        context.world.lost.isTooMany(of: hold.admitted.scopes.keyID, at: now)
            ? .input : .nothing(keepsUnit: true)
    }

    /// Exceeding the gateway's own bound is not the deployment's fault.
    mutating func answerTooLarge(_ bytesMax: Int, at now: Int64) {
        report(.noVerdict)
        stop(.answerTooLarge(bytesMax: bytesMax), mayReadOn: false, at: now)
    }

    /// Handles an answer from another model than the declared one.
    ///
    /// The answer is cut at its first chunk and charged at the higher of the two prices. The deployment rests until an
    /// operator has looked at it.
    mutating func answeredByAnother(at now: Int64) {
        report(.failed(.otherModel, retryAfterMs: nil))
        let error = GatewayError.answeredByAnotherModel(tally.model ?? "")
        // A plain answer is complete and reports its usage.
        guard tally.usage == nil || request.streams else { return fail(error, at: now, .whole) }
        stop(error, mayReadOn: false, at: now)
    }

    /// Ends the answer with an error, whatever has been sent of it.
    mutating func stop(_ error: GatewayError, close: Bool = false, mayReadOn: Bool = true, at now: Int64) {
        isRelaying
            ? breakStream(error, mayReadOn: mayReadOn, at: now)
            : failInFlight(error, at: now, close: close, mayReadOn: mayReadOn)
    }
}
