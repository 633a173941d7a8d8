internal import Admission
internal import GatewayModel
internal import JSONScan
internal import PlaneContract
internal import ProviderResponses
internal import Routing

/// Streams whose bill ends when the connection is closed are held for slice by slice.
///
/// Their possible cost is reported while they run, and the hold grows ahead of what can be produced. When the money
/// ends, so does the answer.
extension RequestWalk {
    /// Extends the hold before it can be used up.
    ///
    /// If it is used up, pauses the upstream while an extension is pending, and ends the stream when it was refused.
    mutating func watchTheHold(at now: Int64) {
        guard relay.coveredTokens < .max, readsOn == nil, !relay.finished, let attempt, isAnswering else { return }
        let produced = producedTokens(at: now) + underWayTokens
        if produced < relay.coveredTokens {
            if nearsItsEnd(attempt.target, at: now), !relay.isGrowing, relay.growthReason == nil {
                reportProgress(at: now)
            }
        } else if relay.growthReason == nil || relay.isGrowing {
            if !relay.isGrowing { reportProgress(at: now) }
            guard !relay.waitsForHold else { return }
            if !clientIsBlocked {
                actions += [.pauseAttempt(attempt.number), .cancelTimer(.firstEvent), .cancelTimer(.idle)]
            }
            relay.waitsForHold = true
            pauseProduction(at: now)
        } else {
            endForBudget(at: now)
        }
    }

    private var isAnswering: Bool {
        switch phase {
        case .dispatching, .relaying: true
        case .idle, .receiving, .rejecting, .peeking, .admitting, .finished: false
        }
    }

    /// Whether the hold may be used up before a later report could extend it.
    private func nearsItsEnd(_ target: RouteTarget, at now: Int64) -> Bool {
        let lead = Production.tokens(perSecond: outputRate(of: target), overMs: Production.leadMs)
        return producedTokens(at: now) + underWayTokens + lead >= relay.coveredTokens
    }

    /// Reports what the stream may cost until the next report.
    ///
    /// Asks for the next slice as well if the hold is nearly used up.
    mutating func reportProgress(at now: Int64) {
        guard let admitted, let attempt, readsOn == nil else { return }
        let charge = charge(.cut, at: now, aheadMs: 2 * context.world.settings.progressMs)
        let event = usageEvent(.interrupted, status: 200, at: now, charge: charge)
        var hold = admitted.hold
        if relay.coveredTokens < .max, !relay.isGrowing, nearsItsEnd(attempt.target, at: now),
            let price = attempt.target.model.price(atMs: context.wallMs)
        {
            let request = admitted.request
            let each = relay.coveredTokens / request.size.choices + request.slice(on: attempt.target)
            let bound = Estimate.outputBound(request.size, on: attempt.target.model)
            let worst = Estimate.worstCase(
                request.size, on: attempt.target.model, at: price, outputTokens: min(each, bound))
            hold = max(hold, NanoUSD(worst.nano + trail.owed.cost.nano))
            relay.isGrowing = true
        }
        actions.append(
            .reportProgress(
                ProgressReport(
                    id: context.id, caller: admitted.caller, cost: event.cost, hold: hold, event: event.json)))
    }

    mutating func progressAnswered(_ verdict: ProgressVerdict, at now: Int64) {
        guard readsOn == nil, isAnswering else { return }
        if case .held(let hold, _) = verdict, let before = admitted?.hold { admitted?.hold = max(before, hold) }
        if trail.waitingTarget != nil { return fallbackHeld(at: now) }
        guard let attempt else { return }
        let wasGrowing = relay.isGrowing
        relay.isGrowing = false
        switch verdict {
        case .held(_, let reason):
            let before = relay.coveredTokens
            cover(attempt.target)
            // A hold that grew only in part keeps growing: others may have settled by the next report, a second later.
            relay.growthReason = relay.coveredTokens > before ? nil : reason
        case .stale: actions.append(.lookUpKey(digests: digests, fresh: true))
        // Redis is down: the answer goes on within its hold, and the next report asks again.
        case .closed, .unavailable: break
        }
        guard wasGrowing else { return }
        let isAtItsEnd = producedTokens(at: now) + underWayTokens >= relay.coveredTokens
        if isAtItsEnd, relay.growthReason != nil { return endForBudget(at: now) }
        guard relay.waitsForHold else { return }
        // Nothing is produced without a hold, even while Redis is down.
        if isAtItsEnd, case .unavailable = verdict { return breakStream(limiterUnavailable, at: now) }
        relay.waitsForHold = false
        if !clientIsBlocked { resumeProduction(at: now) }
        resumeAttempt()
    }

    /// Recomputes how much of the attempt's output the hold pays for, after what is owed for earlier ones.
    mutating func cover(_ target: RouteTarget) {
        guard let admitted else { return }
        relay.coveredTokens = admitted.coveredTokens(
            on: target, limit: relay.affordableOutput, owed: trail.owed.cost, atMs: context.wallMs)
    }

    /// The key of a running stream was changed: continues with the new record, or ends the stream.
    mutating func runningKeyFound(_ lookup: KeyLookup, at now: Int64) {
        guard readsOn == nil else { return }
        switch lookup {
        case .found(let caller):
            let record = caller.record
            guard record.status == .active, (record.expiresAtMs ?? .max) > context.wallMs + now - startedMs else {
                return endRevoked(at: now)
            }
            if let running = admitted?.caller { admitted?.caller = running.renewed(caller) }
        case .unknown: endRevoked(at: now)
        case .unavailable, .notAsked: break
        }
    }

    private mutating func endRevoked(at now: Int64) {
        let error = Self.unauthorized("The key was revoked, suspended or has expired while its answer was running.")
        if case .relaying = phase { return breakStream(error, at: now) }
        failInFlight(error, at: now)
    }

    /// The budget is used up: ends the stream as if it had reached its output limit, with the reason.
    ///
    /// Only for streams whose bill ends when they are closed.
    private mutating func endForBudget(at now: Int64) {
        guard let attempt else { return }
        guard let chunk = limitChunk() else {
            return failInFlight(
                GatewayError(
                    .insufficientQuota, "The budget ended while the model was thinking, before its answer began.",
                    detail: "cut for money"), at: now)
        }
        actions.append(.cancelAttempt(attempt.number))
        say(.respondBytes(Array("data: ".utf8) + chunk + Array("\n\n".utf8)))
        finishStream(at: now, reason: "budget_exhausted", .cut)
    }

    private func limitChunk() -> [UInt8]? {
        guard relayingStarted, let chunk = relay.lastChunk, let admitted else { return nil }
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
        if chunk.modelRange == nil { splice.set("model", json: quotedModel) }
        return Self.onOneLine(splice.result())
    }
}
