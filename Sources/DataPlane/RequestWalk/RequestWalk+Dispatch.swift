internal import Admission
internal import EventStream
internal import GatewayModel
internal import JSONScan
internal import PlaneContract
internal import ProviderSchemas
internal import Routing
internal import Translation

/// One call of one deployment.
struct Attempt {
    let number: Int
    let target: RouteTarget
    var status: Int?
    var isEventStream = false
    /// Its events are for the caller as they come.
    var isRelayed = false
    var retryAfterMs: Int64?
    /// A plain answer or an error body, as far as it has arrived.
    var body: [UInt8] = []
    var events = EventStreamParser()
    var stream: StreamTranslator
    var streamBytes = 0
    var startedMs: Int64 = 0
    /// When its first event came.
    var firstTokenMs: Int64?
    /// Its end was told.
    var isNoted = false
}

/// Stage 5: attempts in the order of the plan, until one owes the caller its first byte.
extension RequestWalk {
    mutating func startNextAttempt(at now: Int64) {
        // Nobody waits for another deployment's answer.
        guard readsOn == nil else { return giveUp(at: now) }
        guard let admitted, let target = nextTarget(of: admitted.plan, at: now) else { return }
        guard trail.owed.cost == .zero else { return holdForFallback(to: target, admitted, at: now) }
        start(target, at: now)
    }

    /// Both what the silent attempt may be billed for and the next one must be held before that is sent.
    private mutating func holdForFallback(to target: RouteTarget, _ admitted: AdmittedRequest, at now: Int64) {
        phase = .dispatching
        trail.waitingTarget = target
        guard let wanted = admitted.request.firstHold(on: target, atMs: context.wallMs)?.wanted else {
            return fallbackHeld(at: now)
        }
        let event = usageEvent(.interrupted, status: 0, at: now, charge: charge(.nothing(keepsUnit: true), at: now))
        actions.append(
            .reportProgress(
                ProgressReport(
                    id: context.id, caller: admitted.caller, cost: event.cost,
                    hold: max(admitted.hold, NanoUSD(trail.owed.cost.nano + wanted.nano)), event: event.json)))
    }

    mutating func fallbackHeld(at now: Int64) {
        guard let admitted, let target = trail.waitingTarget else { return }
        trail.waitingTarget = nil
        let least = admitted.request.firstHold(on: target, atMs: context.wallMs)?.least ?? admitted.hold
        guard admitted.hold.nano - trail.owed.cost.nano >= least.nano else { return giveUp(at: now) }
        start(target, at: now)
    }

    private mutating func start(_ target: RouteTarget, at now: Int64) {
        guard let admitted else { return }
        attemptsMade += 1
        trail.askedTarget = target
        phase = .dispatching
        let request = admitted.request
        let affordable = admitted.affordableOutput(on: target, owed: trail.owed.cost, atMs: context.wallMs)
        let body: [UInt8]
        do throws(GatewayError) {
            body = try target.translator.body(
                of: request.given, outputTokens: affordable ?? request.size.outputTokensMax)
        } catch {
            // What this engine lacks, the next may have.
            attempt = nil
            trail.mayRetry = false
            lastFailure = lastFailure ?? error
            return startNextAttempt(at: now)
        }
        attempt = Attempt(
            number: attemptsMade, target: target,
            stream: target.translator.stream(of: request.operation, as: identity), startedMs: now)
        relay.wantsUsage = request.wantsUsage
        relay.affordableOutput = affordable
        relay.growthReason = nil
        relay.isGrowing = false
        relay.pausedSinceMs = nil
        cover(target)
        actions.append(
            .startAttempt(
                UpstreamRequest(
                    attempt: attemptsMade, id: context.id, operation: request.operation, target: target,
                    streams: request.streams, body: body)))
        if relay.coveredTokens < .max { schedule(.progress, afterMs: context.world.settings.progressMs) }
        if clientIsBlocked {
            pauseProduction(at: now)
            actions += [.cancelTimer(.firstEvent), .pauseAttempt(attemptsMade)]
            return
        }
        // A plain answer comes when it is complete: only the total deadline bounds it.
        if request.streams { schedule(.firstEvent, afterMs: target.model.firstEventMs) }
    }

    mutating func attemptStarted(status: Int, contentType: String, retryAfterMs: Int64?, at now: Int64) {
        attempt?.status = status
        let isEventStream = contentType.lowercased().hasPrefix("text/event-stream")
        attempt?.isEventStream = isEventStream
        attempt?.isRelayed = status == 200 && isEventStream && admitted?.request.streams == true
        attempt?.retryAfterMs = retryAfterMs
    }

    mutating func attemptSent(_ bytes: [UInt8], at now: Int64) {
        if attempt?.isRelayed == true { return relayBytes(bytes, at: now) }
        let isAnswer = attempt?.status == 200
        let limit = isAnswer ? context.world.bounds.answerBytesMax : context.world.bounds.errorBodyBytesMax
        guard let size = attempt?.body.count, size + bytes.count <= limit else {
            return isAnswer ? answerTooLarge(limit, at: now) : ()
        }
        if size == 0 { attempt?.body = bytes } else { attempt?.body += bytes }
    }

    mutating func attemptEnded(at now: Int64) {
        guard let current = attempt, let admitted else { return }
        if case .relaying = phase { return streamEnded(at: now) }
        guard current.status == 200 else {
            let status = current.status ?? 502
            return attemptRefused(
                ProviderRefusal(status: status, body: current.body), said: "provider status \(status)", at: now)
        }
        if admitted.request.streams, current.isEventStream { return attemptBroke("stream without events", at: now) }
        let operation = admitted.request.operation
        // An answer that cannot be used may be billed all the same.
        guard let answer = current.target.translator.answer(current.body, to: operation, as: identity) else {
            return attemptBroke("answer that is none of \(operation.label)", at: now)
        }
        if let message = answer.facts.errorMessage {
            // Some say what is wrong under a 200, even where a stream was asked for.
            let refusal = ProviderRefusal(inBand: current.body)
            return attemptRefused(refusal, said: "error under 200: \(message.prefix(200))", at: now)
        }
        relay.usage = answer.facts.usage
        relay.contentBytes = answer.facts.contentBytes
        let results = answer.facts.results
        guard results > 0, operation != .embedding || Int64(results) == admitted.request.size.inputs else {
            return attemptBroke("answer that is none of \(operation.label)", at: now)
        }
        guard !admitted.request.streams else {
            return attemptBroke("plain answer where a stream was asked for", at: now)
        }
        deliver(answer, at: now)
    }

    /// By what answers are known that come without an id of the right kind.
    private var identity: AnswerIdentity { AnswerIdentity(context.id, wallMs: context.wallMs) }

    /// The provider answered with an error.
    private mutating func attemptRefused(_ refusal: ProviderRefusal, said: String, at now: Int64) {
        guard let current = attempt else { return }
        let waitMs = current.retryAfterMs ?? refusal.waitMs
        let failure = refusal.failure
        switch failure {
        case .clientFault(let message):
            return fail(
                GatewayError(.invalidRequest, message, detail: "refused by provider"), at: now,
                .nothing(keepsUnit: true))
        case .contextLength(let message):
            if goesToLargerWindow(than: current.target) { return startNextAttempt(at: now) }
            return fail(
                GatewayError(.contextLengthExceeded, message, detail: "refused by provider", param: "messages"),
                at: now, .nothing(keepsUnit: true))
        case .contentPolicy(let message):
            return fail(
                GatewayError(.contentPolicyViolation, message, detail: "refused by provider"), at: now,
                .nothing(keepsUnit: true))
        case .rateLimited:
            blame(.rateLimited, askedMs: waitMs, at: now)
            remember(
                GatewayError(
                    .rateLimitExceeded, "The engine behind this model is at its own rate limit. Retry shortly.",
                    detail: said, retryAfterMs: self.waitMs(waitMs)))
        case .overloaded:
            blame(.overloaded, askedMs: waitMs, at: now)
            remember(
                GatewayError(
                    .noProviderAvailable, "The engine behind this model is overloaded. Retry shortly.",
                    detail: said, retryAfterMs: self.waitMs(waitMs)))
        case .operatorFault, .modelMissing:
            // An empty account is no wrong key: it is left alone for longer.
            let isEmpty = current.status == 402 || current.status == 429
            blame(failure == .modelMissing ? .modelMissing : isEmpty ? .operatorQuota : .operatorAuth, at: now)
            remember(
                GatewayError(
                    .noProviderAvailable, "No engine for this model is available right now; its operator must act.",
                    detail: said))
        case .transient:
            blame(.transient, at: now)
            remember(GatewayError(.upstreamError, "The engine behind this model failed.", detail: said))
        }
        // A redirect or a success of another kind is no word that nothing was done.
        let saysItFailed = (400..<600).contains(current.status ?? 0)
        trail.mayRetry = saysItFailed && trail.lastClass?.allowsRetry == true
        attempt = nil
        startNextAttempt(at: now)
    }

    /// The transport gave up before the answer was complete.
    mutating func transportFailed(_ failure: TransportFailure, at now: Int64) {
        guard attempt != nil else { return }
        switch (phase, failure) {
        case (.relaying, .notSent(let detail)), (.relaying, .insecure(let detail)), (.relaying, .ambiguous(let detail)):
            streamBroke(detail, at: now)
        case (_, .insecure(let detail)):
            blame(.insecure, at: now)
            remember(
                GatewayError(
                    .upstreamError, "upstream_tls: the engine behind this model cannot be reached safely.",
                    detail: detail))
            attempt = nil
            startNextAttempt(at: now)
        case (_, .notSent(let detail)):
            blame(.unreachable, at: now)
            remember(
                GatewayError(.upstreamError, "The engine behind this model cannot be reached.", detail: detail))
            attempt = nil
            startNextAttempt(at: now)
        case (_, .ambiguous(let detail)):
            // It may have been received and billed: a second attempt could charge twice.
            blame(.transient, at: now)
            let hasHead = attempt?.status == 200
            let error = GatewayError(
                .upstreamError, "The provider broke the connection before it answered.", detail: detail)
            // A plain answer that began was worked on to its end or nearly so.
            hasHead ? failInFlight(error, at: now, mayReadOn: false) : fail(error, at: now, lostBilling(at: now))
        }
    }

    /// A complete or hopeless answer that cannot be used. What it says of its usage may be billed.
    mutating func attemptBroke(_ detail: String, at now: Int64) {
        guard let current = attempt else { return }
        actions.append(.cancelAttempt(current.number))
        blame(.transient, at: now)
        fail(
            GatewayError(.upstreamError, "The provider of this model gave an unusable answer.", detail: detail),
            at: now, relay.usage == nil ? lostBilling(at: now) : .whole)
    }

    /// The gateway's own bound, and no fault of the deployment.
    mutating func answerTooLarge(_ limit: Int, at now: Int64) {
        noteEnd(at: now)
        let error = GatewayError(
            .upstreamError, "The answer is larger than \(limit >> 20) MiB, the most this gateway passes on.",
            detail: "answer over the bound", shouldRetry: false)
        relayingStarted
            ? breakStream(error, mayReadOn: false, at: now) : failInFlight(error, at: now, mayReadOn: false)
    }

    /// Nothing was heard of a request that may have been worked on.
    private func lostBilling(at now: Int64) -> Billing {
        guard let keyID = admitted?.scopes.keyID else { return .nothing(keepsUnit: true) }
        return context.world.lost.isTooMany(of: keyID, at: now) ? .input : .nothing(keepsUnit: true)
    }

    /// The first event did not come in time: the next deployment may try, once there is a hold for both.
    mutating func firstEventMissing(at now: Int64) {
        guard case .dispatching = phase, let current = attempt else { return }
        actions.append(.cancelAttempt(current.number))
        trail.owed = charge(billingWhenClosed(current), at: now)
        blame(.slow, at: now)
        attempt = nil
        remember(
            GatewayError(
                .upstreamTimeout, "The provider of this model did not answer in time.", detail: "no first event"))
        startNextAttempt(at: now)
    }

    /// An error inside a 200 before anything was delivered: as good as an error status.
    mutating func streamRefused(_ refusal: ProviderRefusal, detail: String, at now: Int64) {
        guard let current = attempt else { return }
        actions.append(.cancelAttempt(current.number))
        attemptRefused(refusal, said: "error as first event: \(detail)", at: now)
    }

    mutating func giveUp(at now: Int64) {
        fail(lastFailure ?? GatewayError(.noProviderAvailable, "No provider is available."), at: now)
    }

    /// A complete answer that was not streamed.
    private mutating func deliver(_ translated: TranslatedAnswer, at now: Int64) {
        guard let current = attempt, let request = admitted?.request else { return }
        guard let body = finished(current, translated, request) else {
            return attemptBroke("embeddings that are no vectors", at: now)
        }
        let answer = translated.facts
        if let model = answer.model { answered(by: model) }
        if relay.dearerPrice != nil { return answeredByAnother(at: now) }
        relay.firstByteMs = now - startedMs
        relay.contentBytes = answer.contentBytes
        relay.images = request.operation == .image ? Int64(answer.results) : 0
        relay.usage = answer.usage
        let charge = charge(.whole, at: now)
        noteAnswered(charge.usage, at: now)
        var headers = answerHeaders
        headers.add("content-type", "application/json")
        headers.add("x-aihub-cost-usd", charge.cost.decimalUSD)
        if relay.isCapped { headers.add("x-aihub-capped-by", "budget") }
        say(.respond(Response(status: 200, headers: headers, body: body), close: false))
        keep(body: body, charge, at: now)
        settle(.completed, status: 200, at: now, .whole)
        end(status: 200, outcome: .completed, error: nil, at: now)
    }

    /// The provider's bytes, with a model's name and, for embeddings, in the form that was asked for.
    private func finished(_ attempt: Attempt, _ answer: TranslatedAnswer, _ request: InferenceRequest) -> [UInt8]? {
        var body = answer.body
        if request.operation == .embedding, let place = answer.facts.resultsPlace {
            guard
                let converted = EmbeddingVectors.converted(body, listAt: place, toBase64: request.wantsBase64)
            else { return nil }
            body = converted
        }
        guard answer.facts.model == nil else { return body }
        // What was converted has its last members elsewhere.
        guard let members = try? JSONScanner.members(of: body) else { return nil }
        var splice = JSONSplice(body, members)
        splice.set("model", json: attempt.target.quotedModel)
        return splice.result()
    }
}

/// A provider that answers with another model than it is declared to serve: nobody agreed to that model or to its price.
extension RequestWalk {
    /// Cut at its first chunk and charged at the dearer of the two prices; the deployment rests until somebody has looked at it.
    mutating func answeredByAnother(at now: Int64) {
        blame(.otherModel, at: now)
        let error = GatewayError(
            .upstreamError, "The provider answered with another model than was asked for.",
            detail: "answered by \(relay.model ?? "")", shouldRetry: false)
        // A plain answer is whole, and says what it used.
        guard relay.usage == nil || admitted?.request.streams == true else {
            return fail(error, at: now, .whole)
        }
        relayingStarted
            ? breakStream(error, mayReadOn: false, at: now) : failInFlight(error, at: now, mayReadOn: false)
    }
}
