internal import Admission
internal import EventStream
internal import GatewayModel
internal import JSONScan
internal import PlaneContract
internal import ProviderResponses
internal import ResponseCache
internal import Routing
internal import Translation

/// One call to one deployment.
struct Attempt {
    let number: Int
    let target: RouteTarget
    /// The key and the stream flag of the request, kept because the end is reported after the request is settled.
    let key: KeyHash
    let streams: Bool
    var status: Int?
    var isEventStream = false
    /// Its events are relayed to the caller as they arrive.
    var isRelayed = false
    var retryAfterMs: Int64?
    /// A plain answer or an error body, as far as it has arrived.
    var body: [UInt8] = []
    var events = EventStreamParser()
    var stream: StreamTranslator
    var streamBytes = 0
    var startedMs: Int64 = 0
    /// When its first event was relayed.
    var firstTokenMs: Int64?
    /// Its result was reported to the health table.
    var isNoted = false
}

/// Stage 5: attempts in the order of the plan, until one has output for the caller.
extension RequestWalk {
    mutating func startNextAttempt(at now: Int64) {
        // Nobody is waiting for another deployment's answer.
        guard readsOn == nil else { return giveUp(at: now) }
        guard let admitted, let target = nextTarget(of: admitted.plan, at: now) else { return }
        guard trail.owed.cost == .zero else { return holdForFallback(to: target, admitted, at: now) }
        start(target, at: now)
    }

    mutating func start(_ target: RouteTarget, at now: Int64) {
        guard let admitted else { return }
        attemptsMade += 1
        trail.askedTarget = target
        phase = .dispatching
        let request = admitted.request
        let affordable = admitted.affordableOutput(on: target, owed: trail.owed.cost, atMs: context.wallMs)
        let body: [UInt8]
        do throws(GatewayError) {
            body = try target.translator.body(
                of: request.given, outputTokens: affordable ?? request.size.outputTokensMax,
                promptCacheKey: context.world.secrets.map { secrets in
                    { secrets.promptCacheKey(org: admitted.scopes.orgID, own: $0) }
                })
        } catch {
            // The next deployment may support what this one does not.
            attempt = nil
            trail.mayRetry = false
            lastFailure = lastFailure ?? error
            return startNextAttempt(at: now)
        }
        attempt = Attempt(
            number: attemptsMade, target: target, key: KeyHash(admitted.scopes.keyID), streams: request.streams,
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
                    key: KeyHash(admitted.scopes.keyID), streams: request.streams, body: body)))
        if relay.coveredTokens < .max { schedule(.progress, afterMs: context.world.settings.progressMs) }
        if clientIsBlocked {
            pauseProduction(at: now)
            actions += [.cancelTimer(.firstEvent), .pauseAttempt(attemptsMade)]
            return
        }
        // A plain answer arrives only when it is complete, so only the total timeout bounds it.
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
        // An unusable answer may be billed nevertheless.
        guard let answer = current.target.translator.response(from: current.body, to: operation, as: identity) else {
            return attemptBroke("answer that is none of \(operation.label)", at: now)
        }
        if answer.facts.errorMessage != nil {
            // Some providers report errors with a 200, even where a stream was asked for.
            let refusal = ProviderRefusal(inBand: current.body)
            return attemptRefused(refusal, said: "error under 200: \(refusal.loggable)", at: now)
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

    /// The ID for answers whose provider sends none of the right form.
    var identity: ResponseIdentity { ResponseIdentity(context.id, wallMs: context.wallMs) }

}
