internal import Admission
internal import EventStream
internal import GatewayModel
internal import JSONScan
internal import PlaneContract
internal import ProviderSchemas
internal import Routing

/// One call of one deployment.
struct Attempt {
    let number: Int
    let target: RouteTarget
    var status: Int?
    var isEventStream = false
    var retryAfterMs: Int64?
    /// A plain answer or an error body, as far as it has arrived.
    var body: [UInt8] = []
    var events = EventStreamParser()
    var streamBytes = 0
}

/// Stage 5: attempts in the order of the plan, until one owes the caller its first byte.
extension RequestWalk {
    mutating func startNextAttempt(at now: Int64) {
        guard let admitted, attemptsMade < admitted.plan.targets.count else { return giveUp(at: now) }
        let target = admitted.plan.targets[attemptsMade]
        attemptsMade += 1
        phase = .dispatching
        attempt = Attempt(number: attemptsMade, target: target)
        let affordable = admitted.affordableOutput(on: target.model, atMs: context.wallMs)
        relay.isCapped = affordable != nil
        relay.coveredTokens = admitted.coveredTokens(on: target.model, atMs: context.wallMs)
        actions.append(
            .startAttempt(
                UpstreamRequest(
                    attempt: attemptsMade, id: context.id, operation: admitted.request.operation, target: target,
                    body: admitted.request.body(for: target, affordable: affordable))))
        if clientIsBlocked { return actions.append(.pauseAttempt(attemptsMade)) }
        // A plain answer comes when it is complete: only the total deadline bounds it.
        if admitted.request.streams { actions.append(.setTimer(.firstEvent, afterMs: target.model.firstEventMs)) }
    }

    mutating func attemptStarted(status: Int, contentType: String, retryAfterMs: Int64?, at now: Int64) {
        attempt?.status = status
        attempt?.isEventStream = contentType.lowercased().hasPrefix("text/event-stream")
        attempt?.retryAfterMs = retryAfterMs
    }

    mutating func attemptSent(_ bytes: [UInt8], at now: Int64) {
        guard let current = attempt, let admitted else { return }
        if current.status == 200, current.isEventStream, admitted.request.streams { return relayBytes(bytes, at: now) }
        let limit = current.status == 200 ? context.world.bounds.answerBytesMax : context.world.bounds.errorBodyBytesMax
        guard current.body.count + bytes.count <= limit else {
            if current.status != 200 { return }
            return attemptBroke("answer larger than \(limit) bytes", at: now)
        }
        attempt?.body += bytes
    }

    mutating func attemptEnded(at now: Int64) {
        guard let current = attempt, let admitted else { return }
        if case .relaying = phase { return streamEnded(at: now) }
        guard current.status == 200 else {
            return attemptRefused(ProviderFailure(status: current.status ?? 502, body: current.body), at: now)
        }
        if admitted.request.streams, current.isEventStream { return attemptBroke("stream without events", at: now) }
        let operation = admitted.request.operation
        guard let answer = try? ProviderAnswer(current.body, for: operation), answer.errorMessage == nil,
            answer.results > 0, operation != .embedding || Int64(answer.results) == admitted.request.size.inputs
        else {
            return attemptBroke("answer that is none of \(operation.label)", at: now)
        }
        guard !admitted.request.streams else {
            return attemptBroke("plain answer where a stream was asked for", at: now)
        }
        deliver(answer, at: now)
    }

    /// The provider answered with an error status.
    private mutating func attemptRefused(_ failure: ProviderFailure, at now: Int64) {
        guard let current = attempt else { return }
        switch failure {
        case .clientFault(let message):
            return fail(GatewayError(.invalidRequest, message, detail: "refused by provider"), at: now)
        case .contextLength(let message):
            return fail(
                GatewayError(.contextLengthExceeded, message, detail: "refused by provider", param: "messages"), at: now
            )
        case .contentPolicy(let message):
            return fail(GatewayError(.contentPolicyViolation, message, detail: "refused by provider"), at: now)
        case .rateLimited:
            rest(current, forMs: current.retryAfterMs)
            lastFailure = GatewayError(
                .rateLimitExceeded, "The engine behind this model is at its own rate limit. Retry shortly.",
                detail: "provider status 429", retryAfterMs: restMs(current.retryAfterMs))
        case .overloaded:
            rest(current, forMs: current.retryAfterMs)
            lastFailure = GatewayError(
                .noProviderAvailable, "The engine behind this model is overloaded. Retry shortly.",
                detail: "provider status \(current.status ?? 0)", retryAfterMs: restMs(current.retryAfterMs))
        case .operatorFault, .modelMissing:
            rest(current, forMs: context.world.settings.restMsMax)
            lastFailure = GatewayError(
                .noProviderAvailable, "No engine for this model is available right now; its operator must act.",
                detail: "provider status \(current.status ?? 0)")
        case .transient:
            rest(current, forMs: nil)
            lastFailure = GatewayError(
                .upstreamError, "The engine behind this model failed.", detail: "provider status \(current.status ?? 0)"
            )
        }
        startNextAttempt(at: now)
    }

    private func restMs(_ asked: Int64?) -> Int64 {
        min(max(asked ?? context.world.settings.restMs, 1), context.world.settings.restMsMax)
    }

    private mutating func rest(_ attempt: Attempt, forMs: Int64?) {
        actions.append(.restDeployment(attempt.target.deployment.id, forMs: restMs(forMs)))
    }

    /// The transport gave up before the answer was complete.
    mutating func transportFailed(_ failure: TransportFailure, at now: Int64) {
        guard let current = attempt else { return }
        switch (phase, failure) {
        case (.relaying, .notSent(let detail)), (.relaying, .insecure(let detail)), (.relaying, .ambiguous(let detail)):
            streamBroke(detail, at: now)
        case (_, .insecure(let detail)):
            rest(current, forMs: context.world.settings.restMsMax)
            lastFailure = GatewayError(
                .upstreamError, "upstream_tls: the engine behind this model cannot be reached safely.", detail: detail)
            startNextAttempt(at: now)
        case (_, .notSent(let detail)):
            rest(current, forMs: nil)
            lastFailure = GatewayError(
                .upstreamError, "The engine behind this model cannot be reached.", detail: detail)
            startNextAttempt(at: now)
        case (_, .ambiguous(let detail)):
            // It may have been received and billed: a second attempt could charge twice.
            rest(current, forMs: nil)
            fail(
                GatewayError(.upstreamError, "The engine broke the connection before it answered.", detail: detail),
                at: now)
        }
    }

    /// A complete or hopeless answer that cannot be used.
    mutating func attemptBroke(_ detail: String, at now: Int64) {
        guard let current = attempt else { return }
        actions.append(.cancelAttempt(current.number))
        attempt = nil
        rest(current, forMs: nil)
        fail(
            GatewayError(.upstreamError, "The engine behind this model gave an unusable answer.", detail: detail),
            at: now)
    }

    /// The first event did not come in time: the next deployment may try. Both attempts may have cost the operator.
    mutating func firstEventMissing(at now: Int64) {
        guard case .dispatching = phase, let current = attempt else { return }
        actions.append(.cancelAttempt(current.number))
        attempt = nil
        rest(current, forMs: nil)
        lastFailure = GatewayError(
            .upstreamTimeout, "The engine behind this model did not answer in time.", detail: "no first event")
        startNextAttempt(at: now)
    }

    /// An error inside a 200 before anything was delivered: as good as an error status.
    mutating func streamRefused(_ message: String, at now: Int64) {
        guard let current = attempt else { return }
        actions.append(.cancelAttempt(current.number))
        attempt = nil
        rest(current, forMs: nil)
        lastFailure = GatewayError(
            .upstreamError, "The engine behind this model failed.",
            detail: "error as first event: \(message.prefix(200))")
        startNextAttempt(at: now)
    }

    private mutating func giveUp(at now: Int64) {
        fail(lastFailure ?? GatewayError(.noProviderAvailable, "No engine is available."), at: now)
    }

    /// A complete answer that was not streamed.
    private mutating func deliver(_ answer: ProviderAnswer, at now: Int64) {
        guard let current = attempt, let request = admitted?.request else { return }
        guard let body = finished(current, answer, request) else {
            return attemptBroke("embeddings that are no vectors", at: now)
        }
        if let model = answer.model { answered(by: model) }
        relay.firstByteMs = now - startedMs
        relay.contentBytes = answer.contentBytes
        relay.images = request.operation == .image ? Int64(answer.results) : 0
        relay.usage = answer.usage
        let charge = self.charge()
        var headers = answerHeaders
        headers.add("content-type", "application/json")
        headers.add("x-aihub-cost-usd", charge.cost.decimalUSD)
        if relay.isCapped { headers.add("x-aihub-capped-by", "budget") }
        actions.append(.respond(Response(status: 200, headers: headers, body: body), close: false))
        keep(body: body, charge, at: now)
        settle(.completed, status: 200, at: now)
        end(status: 200, outcome: .completed, error: nil, at: now)
    }

    /// The provider's bytes, with a model's name and, for embeddings, in the form that was asked for.
    private func finished(_ attempt: Attempt, _ answer: ProviderAnswer, _ request: InferenceRequest) -> [UInt8]? {
        var body = attempt.body
        if request.operation == .embedding, let place = answer.resultsPlace {
            guard
                let converted = EmbeddingVectors.converted(body, listAt: place, toBase64: request.wantsBase64)
            else { return nil }
            body = converted
        }
        guard answer.model == nil else { return body }
        // What was converted has its last members elsewhere.
        guard let members = try? JSONScanner.members(of: body) else { return nil }
        var splice = JSONSplice(body, members)
        splice.set("model", json: attempt.target.quotedModel)
        return splice.result()
    }
}
