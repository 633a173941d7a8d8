internal import Admission
internal import EventStream
internal import GatewayModel
internal import JSONScan
internal import PlaneContract
internal import ProviderResponses
internal import Routing
internal import Translation

/// The ends of a stream: complete, broken, or timed out.
extension RequestWalk {
    mutating func streamDone(at now: Int64) {
        guard relayingStarted else { return attemptBroke("stream without events", at: now) }
        guard relay.finished else { return streamBroke("[DONE] without a finish reason", at: now) }
        if let attempt { actions.append(.releaseAttempt(attempt.number)) }
        finishStream(at: now)
    }

    mutating func streamEnded(at now: Int64) {
        guard relay.finished else { return streamBroke("stream ended without a finish reason", at: now) }
        finishStream(at: now)
    }

    mutating func finishStream(at now: Int64, reason: String? = nil, _ billing: Billing = .whole) {
        let charge = charge(billing, at: now)
        noteStreamed(charge.usage, at: now)
        if relay.wantsUsage, let chunk = usageChunk(charge) {
            let event = Array("data: ".utf8) + chunk + Array("\n\n".utf8)
            say(.respondBytes(event))
            keep(event: event[...])
        }
        say(.respondBytes(Array("data: [DONE]\n\n".utf8)))
        let reasons = reason.map { [("x-aihub-finish-reason", $0)] } ?? []
        respondEnd([("x-aihub-cost-usd", charge.cost.decimalUSD)] + reasons + cacheTrailer)
        if reason == nil { keepStream(charge, at: now) }
        settle(.completed, status: 200, at: now, billing)
        end(status: 200, outcome: .completed, error: nil, at: now)
    }

    /// Ends a stream. Trailers are sent only on request (`TE: trailers`): some clients and proxies fail on unexpected
    /// ones.
    mutating func respondEnd(_ trailers: [(String, String)]) {
        say(.respondEnd(trailers: head?.acceptsTrailers == true ? trailers : []))
    }

    /// The last chunk of a stream whose usage was asked for: no choices, the provider's usage, and the cost.
    private func usageChunk(_ charge: Charge) -> [UInt8]? {
        guard let chunk = relay.lastChunk else { return nil }
        var splice = JSONSplice(chunk.bytes, chunk.members)
        splice.set("choices", json: Array("[]".utf8))
        splice.set("usage", json: usageWithCost(charge))
        if chunk.modelRange == nil { splice.set("model", json: quotedModel) }
        return Self.onOneLine(splice.result())
    }

    private func usageWithCost(_ charge: Charge) -> [UInt8] {
        let cost = charge.cost
        if charge.source == .provider, let raw = relay.usage?.raw, let members = try? JSONScanner.members(of: raw) {
            var splice = JSONSplice(raw, members)
            splice.set("cost", json: Array(cost.decimalUSD.utf8))
            return splice.result()
        }
        let usage = charge.usage
        let prompt = usage.prompt
        let completion = usage.output + usage.reasoning
        let text =
            "{\"prompt_tokens\":\(prompt),\"completion_tokens\":\(completion),"
            + "\"total_tokens\":\(prompt + completion),\"cost\":\(cost.decimalUSD)}"
        return Array(text.utf8)
    }

    /// The provider broke off after data was sent to the caller: reports the error in-band.
    mutating func streamBroke(_ detail: String, at now: Int64, kind: ErrorKind = .upstreamError) {
        blame(.streamBroken, at: now)
        // A silent provider may still complete its answer; one that broke off will not.
        let isSilent = kind == .upstreamTimeout
        let message =
            kind == .upstreamError ? "upstream_interrupted: the provider broke off its answer" : "The answer was cut."
        breakStream(GatewayError(kind, message, detail: detail), mayReadOn: isSilent, at: now)
    }

    mutating func breakStream(_ error: GatewayError, mayReadOn: Bool = true, at now: Int64) {
        say(.respondBytes(Array("data: ".utf8) + ErrorBody.json(error) + Array("\n\ndata: [DONE]\n\n".utf8)))
        // The cost is known only if the answer is not read on.
        let isKnown = !(mayReadOn && attempt.map { paysToReadOn($0.target) } ?? false)
        let cost = charge(.cut, at: now).cost.decimalUSD
        respondEnd(isKnown ? [("x-aihub-cost-usd", cost)] : [])
        leave(.failed, status: 200, error: error, mayReadOn: mayReadOn, at: now)
    }

    mutating func timerFired(_ timer: WalkTimer, at now: Int64) {
        switch timer {
        case .firstEvent: firstEventMissing(at: now)
        case .idle: if relayingStarted { streamBroke("no event for too long", at: now, kind: .upstreamTimeout) }
        case .total: ranOutOfTime(at: now)
        case .retry: retryAttempt(at: now)
        case .money: askForMoney(at: now)
        case .ping:
            guard admitted != nil else { return }
            sendStreamHead()
            say(.respondBytes(Array(": ping\n".utf8)))
            schedule(.ping, afterMs: context.world.settings.pingMs)
        case .progress:
            guard attempt != nil else { return }
            reportProgress(at: now)
            watchTheHold(at: now)
            guard !isFinished, readsOn == nil else { return }
            schedule(.progress, afterMs: context.world.settings.progressMs)
        }
    }

    private mutating func ranOutOfTime(at now: Int64) {
        if isRefusedSoFar, let refusal = waivedRefusal ?? moneyWait?.refusal { return fail(refusal, at: now) }
        if attempt != nil, !clientIsBlocked, readsOn == nil { blame(.slow, at: now) }
        let error = GatewayError(
            .upstreamTimeout, "The request took longer than \(context.world.bounds.totalMs / 1000) s.",
            detail: "total deadline", shouldRetry: false)
        if relayingStarted { return breakStream(error, mayReadOn: false, at: now) }
        failInFlight(error, at: now, mayReadOn: false)
    }
}
