internal import Admission
internal import GatewayModel
internal import JSONScan
internal import PlaneContract
internal import ProviderSchemas
internal import Routing

/// A stream is held for slice by slice: what it costs is reported as it runs, its hold grows ahead of it, and where the money
/// ends, so does the answer.
extension RequestWalk {
    /// Asks for more once three quarters of what is held for are used, and ends the stream when nothing is left.
    mutating func watchTheHold(at now: Int64) {
        guard relay.nearsItsEnd, !relay.finished else { return }
        guard admitted != nil, let attempt, case .relaying = phase else { return }
        if !relay.isAtItsEnd {
            if !relay.isGrowing, relay.growthReason == nil { reportProgress(at: now) }
        } else if relay.growthReason == nil || relay.isGrowing {
            if !relay.isGrowing { reportProgress(at: now) }
            guard !relay.waitsForHold else { return }
            if !clientIsBlocked { actions += [.pauseAttempt(attempt.number), .cancelTimer(.idle)] }
            relay.waitsForHold = true
        } else {
            endForBudget(at: now)
        }
    }

    /// Tells the limiter what the stream has cost so far, and asks for the next slice where it comes near the end of this one.
    mutating func reportProgress(at now: Int64) {
        guard let admitted, let attempt else { return }
        let event = usageEvent(.interrupted, status: 200, at: now, charge: charge())
        var hold = admitted.hold
        if relay.nearsItsEnd, !relay.isGrowing,
            let price = attempt.target.model.price(atMs: context.wallMs)
        {
            let request = admitted.request
            let each = relay.coveredTokens / request.size.choices + Estimate.sliceTokens
            let bound = Estimate.outputBound(request.size, on: attempt.target.model)
            hold = max(
                hold,
                Estimate.worstCase(request.size, on: attempt.target.model, at: price, outputTokens: min(each, bound))
            )
            relay.isGrowing = true
        }
        actions.append(
            .reportProgress(
                ProgressReport(
                    id: context.id, caller: admitted.caller, cost: event.cost, hold: hold, event: event.json)))
    }

    mutating func progressAnswered(_ verdict: ProgressVerdict, at now: Int64) {
        guard case .relaying = phase, let attempt else { return }
        let wasGrowing = relay.isGrowing
        relay.isGrowing = false
        switch verdict {
        case .held(let hold, let reason):
            if let before = admitted?.hold { admitted?.hold = max(before, hold) }
            let before = relay.coveredTokens
            relay.coveredTokens =
                admitted?.coveredTokens(
                    on: attempt.target, limit: relay.affordableOutput, atMs: context.wallMs) ?? relay.coveredTokens
            // What was all there is may be more a moment later, when others have settled: asked for again each second.
            relay.growthReason = relay.coveredTokens > before ? nil : reason
        case .stale: actions.append(.lookUpKey(digests: digests, fresh: true))
        // Redis is away: the answer goes on, charged up to its hold at most, and the next report asks again.
        case .closed, .unavailable: break
        }
        guard wasGrowing else { return }
        if relay.isAtItsEnd, relay.growthReason != nil { return endForBudget(at: now) }
        guard relay.waitsForHold else { return }
        relay.waitsForHold = false
        resumeAttempt()
    }

    /// The key of a running stream was changed: with the new record it goes on, or ends.
    mutating func runningKeyFound(_ lookup: KeyLookup, at now: Int64) {
        switch lookup {
        case .found(let caller):
            let record = caller.record
            guard record.status == .active, (record.expiresAtMs ?? .max) > context.wallMs + now - startedMs else {
                return endRevoked(at: now)
            }
            admitted?.caller = caller
        case .unknown: endRevoked(at: now)
        case .unavailable: break
        }
    }

    private mutating func endRevoked(at now: Int64) {
        if let attempt { actions.append(.cancelAttempt(attempt.number)) }
        breakStream(
            Self.unauthorized("The key was revoked, suspended or has expired while its answer was running."),
            outcome: .failed, at: now)
    }

    /// The money has ended: the stream ends as one that reached its output limit, and says why.
    private mutating func endForBudget(at now: Int64) {
        if let attempt { actions.append(.cancelAttempt(attempt.number)) }
        if let chunk = limitChunk() {
            actions.append(.respondBytes(Array("data: ".utf8) + chunk + Array("\n\n".utf8)))
        }
        relay.finished = true
        finishStream(at: now, reason: "budget_exhausted")
    }

    private func limitChunk() -> [UInt8]? {
        guard let chunk = relay.lastChunk, let admitted else { return nil }
        let content = admitted.request.operation == .completion ? "\"text\":\"\"" : "\"delta\":{}"
        let choices = (0..<admitted.request.size.choices)
            .map { "{\"index\":\($0),\(content),\"logprobs\":null,\"finish_reason\":\"length\"}" }
        var splice = JSONSplice(chunk.bytes, chunk.members)
        splice.set("choices", json: Array("[\(choices.joined(separator: ","))]".utf8))
        splice.remove("usage")
        var why = "{\"reason\":\"budget_exhausted\""
        if let facts = relay.growthReason {
            why += ",\"limit\":{\(facts.members)}"
        }
        splice.set("aihub", json: Array((why + "}").utf8))
        if chunk.modelPlace == nil { splice.set("model", json: quotedModel) }
        return Self.onOneLine(splice.result())
    }
}
