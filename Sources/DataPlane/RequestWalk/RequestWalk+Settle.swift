internal import Admission
internal import GatewayModel
internal import KeyMaterial
internal import PlaneContract
internal import ProviderSchemas
internal import ResponseCache
internal import Routing

/// What a request costs by what is known of it.
struct Charge {
    var usage: TokenUsage
    var source: UsageSource
    var cost: NanoUSD
}

/// Stage 7: every way out of an admitted request passes here, once.
extension RequestWalk {
    /// The provider's own usage if it gave one, else what passed through. Never more than was held: a provider that
    /// reports more than the bound is the operator's loss, not the caller's.
    func charge() -> Charge {
        guard let admitted else { return Charge(usage: TokenUsage(), source: .counted, cost: .zero) }
        let target = attempt?.target ?? trail.lastTarget ?? admitted.plan.targets[0]
        var usage = relay.usage.map { known($0.tokens, admitted) } ?? counted(admitted)
        var source: UsageSource = relay.usage == nil ? .counted : .provider
        let price = target.model.price(atMs: context.wallMs)
        if admitted.request.operation == .image, let price {
            source = countImages(admitted.request.size, on: target.model, at: price, into: &usage) ?? source
        }
        let cost = price?.cost(of: usage) ?? .zero
        return Charge(usage: usage, source: cost > admitted.hold ? .bounded : source, cost: min(cost, admitted.hold))
    }

    /// The provider's usage; of a stream that broke off it may be a preview, and what was relayed since counts too.
    private func known(_ usage: TokenUsage, _ admitted: AdmittedRequest) -> TokenUsage {
        guard headIsSent, !relay.finished else { return usage }
        var usage = usage
        usage.output = max(usage.output, counted(admitted).output - usage.reasoning)
        return usage
    }

    private func counted(_ admitted: AdmittedRequest) -> TokenUsage {
        TokenUsage(input: Estimate.inputTokens(admitted.request.size), output: relay.outputCounted)
    }

    /// Images whose tokens nobody reports, or at a price that is for images, are charged one by one; without such a price a
    /// bound is all that is known of them.
    private func countImages(
        _ size: RequestSize, on model: ModelEntry, at price: Price, into usage: inout TokenUsage
    ) -> UsageSource? {
        guard relay.usage == nil || !price.pricesOutput else { return nil }
        if let place = Estimate.imagePlace(size, at: price) {
            usage.images = relay.images
            usage.imagePlace = place
            return nil
        }
        guard relay.usage == nil else { return nil }
        usage.output = Estimate.outputBound(size, on: model, images: relay.images)
        return .bounded
    }

    func usageEvent(_ outcome: Outcome, status: Int, at now: Int64, charge: Charge) -> UsageEvent {
        guard let admitted else { preconditionFailure("an event belongs to an admitted request") }
        let target = attempt?.target ?? trail.lastTarget ?? admitted.plan.targets[0]
        return UsageEvent(
            id: context.id.text, keyID: admitted.scopes.keyID, orgID: admitted.scopes.orgID, owner: context.world.owner,
            requested: admitted.request.model,
            model: String((relay.model ?? target.deployment.upstreamModel).prefix(128)),
            deployment: target.deployment.id, priceID: target.model.price(atMs: context.wallMs)?.id ?? 0,
            admittedMs: admitted.admission.atMs, usage: charge.usage, usageSource: charge.source, cost: charge.cost,
            hold: admitted.hold, outcome: outcome, status: status, attempts: attemptsMade,
            streamed: admitted.request.streams, givenBack: false, firstByteMs: relay.firstByteMs,
            durationMs: now - startedMs,
            configVersion: context.world.table.version,
            rawUsage: relay.usage.flatMap {
                $0.raw.count <= UsageEvent.rawUsageBytesMax ? String(decoding: $0.raw, as: UTF8.self) : nil
            })
    }

    /// Closes the hold. `outcome` nil: the request gave its caller nothing and reached no provider.
    mutating func settle(_ outcome: Outcome?, status: Int, at now: Int64, free: Bool = false) {
        guard let admitted else { return }
        let charge = free ? Charge(usage: TokenUsage(), source: .counted, cost: .zero) : self.charge()
        var event = usageEvent(outcome ?? .failed, status: status, at: now, charge: charge)
        event.givenBack = free
        actions.append(
            .settle(
                SettleRequest(
                    id: context.id.text, scopes: admitted.scopes, target: outcome == nil ? .cancelled : .settled,
                    cost: charge.cost, tokens: charge.usage.total, event: event.json,
                    periods: admitted.admission.periods, givesUnitBack: free)))
        self.admitted = nil
    }

    /// Closes the hold of a request whose answer came out of the cache: it costs nothing, and counts in the minute alone.
    mutating func settle(givenFrom answer: CachedAnswer, at now: Int64) {
        guard let admitted else { return }
        let charge = Charge(usage: TokenUsage(), source: .provider, cost: .zero)
        var event = usageEvent(.completed, status: 200, at: now, charge: charge)
        event.model = answer.model
        event.deployment = answer.deployment
        event.priceID = answer.priceID
        event.givenBack = true
        event.saved = answer.cost
        actions.append(
            .settle(
                SettleRequest(
                    id: context.id.text, scopes: admitted.scopes, target: .settled, cost: .zero, tokens: 0,
                    event: event.json, periods: admitted.admission.periods, givesUnitBack: true, keepsMinute: true)))
        self.admitted = nil
    }

    /// Ends a request with an error. In a stream whose head is out the error goes in-band; an admitted request that gave
    /// its caller nothing is not charged.
    mutating func fail(_ error: GatewayError, at now: Int64, close: Bool = false) {
        if headIsSent {
            actions.append(
                .respondBytes(Array("data: ".utf8) + ErrorBody.json(error) + Array("\n\ndata: [DONE]\n\n".utf8)))
            actions.append(.respondEnd(trailers: []))
        } else {
            actions.append(.respond(errorResponse(error), close: close))
        }
        let status = headIsSent ? 200 : error.kind.status
        settle(attemptsMade > 0 ? .failed : nil, status: status, at: now, free: true)
        end(status: status, outcome: attemptsMade > 0 ? .failed : nil, error: error, at: now)
    }

    /// The caller left. What was relayed is charged, and the input of whatever was dispatched.
    mutating func clientGone(at now: Int64) {
        if let attempt { actions.append(.cancelAttempt(attempt.number)) }
        switch phase {
        case .dispatching, .relaying: settle(.cancelled, status: headIsSent ? 200 : 0, at: now)
        case .admitting where admitted != nil: settle(nil, status: headIsSent ? 200 : 0, at: now, free: true)
        case .admitting: return abandonAdmission(at: now)
        case .idle, .receiving, .rejecting, .peeking, .finished: break
        }
        end(status: 0, outcome: .cancelled, error: nil, at: now)
    }

    /// The hold may or may not stand yet: a cancel closes the id either way, even before a late admit.
    private mutating func abandonAdmission(at now: Int64) {
        // Refused, it waits for the cache alone: there is no hold.
        if let pending, waivedRefusal == nil { actions.append(.settle(cancellation(of: pending))) }
        end(status: 0, outcome: .cancelled, error: nil, at: now)
    }

    /// Its event is filed only if the request was admitted, and reaped, without this worker's hearing of it.
    func cancellation(of pending: PendingAdmission) -> SettleRequest {
        var event = pending.event
        event.admittedMs = context.wallMs
        event.cost = .zero
        event.usage = TokenUsage()
        event.outcome = .cancelled
        event.attempts = 0
        event.givenBack = true
        return SettleRequest(
            id: context.id.text, scopes: pending.caller.scopes, target: .cancelled, cost: .zero, tokens: 0,
            event: event.json, periods: "0/0,0/0", givesUnitBack: true)
    }

    mutating func shutDown(at now: Int64) {
        let error = GatewayError(
            .serverShutdown, "server_shutdown: this worker is restarting. Retry.", retryAfterMs: 1_000)
        if let attempt { actions.append(.cancelAttempt(attempt.number)) }
        switch phase {
        case .relaying: breakStream(error, outcome: .failed, at: now)
        case .admitting where admitted != nil: fail(error, at: now, close: true)
        case .admitting:
            actions.append(.respond(errorResponse(error), close: true))
            abandonAdmission(at: now)
        case .idle, .finished: break
        case .receiving, .rejecting, .peeking, .dispatching: fail(error, at: now, close: true)
        }
    }

    private static let clientIDCharactersMax = 128

    private var clientID: String {
        guard let text = head?.clientRequestID else { return "" }
        return HubKey.redacted(String(text.prefix(Self.clientIDCharactersMax)))
    }

    mutating func end(status: Int, outcome: Outcome?, error: GatewayError?, at now: Int64) {
        noteEnd(at: now)
        for timer in WalkTimer.allCases { actions.append(.cancelTimer(timer)) }
        phase = .finished
        attempt = nil
        body = []
        bodyDigest = nil
        dropKept()
        actions.append(
            .finished(
                WalkReport(
                    id: context.id, clientID: clientID, endpoint: endpoint?.label ?? "none", status: status,
                    outcome: outcome, error: error?.kind, detail: error?.detail ?? "", durationMs: now - startedMs,
                    attempts: attemptsMade, cache: cacheWord, isMisnamed: relay.isMisnamed)))
    }
}
