internal import Admission
internal import GatewayModel
internal import KeyMaterial
internal import PlaneContract
internal import ProviderResponses
internal import ResponseCache
internal import Routing

/// Stage 7: every admitted request ends here, exactly once.
extension RequestWalk {
    func usageEvent(_ outcome: Outcome, status: Int, at now: Int64, charge: Charge) -> UsageEvent {
        guard let admitted else { preconditionFailure("an event belongs to an admitted request") }
        let target = attempt?.target ?? trail.askedTarget ?? admitted.plan.targets[0]
        return UsageEvent(
            id: context.id.text, keyID: admitted.scopes.keyID, orgID: admitted.scopes.orgID,
            loopID: context.world.loopID,
            requested: admitted.request.model,
            model: (relay.model ?? target.deployment.upstreamModel).truncated(toBytes: UsageEvent.modelBytesMax),
            deployment: target.deployment.id, priceID: chargedPrice(of: target)?.id ?? 0,
            admittedMs: admitted.admission.atMs, usage: charge.usage, usageSource: charge.source, cost: charge.cost,
            hold: admitted.hold, outcome: outcome, status: status, attempts: attemptsMade,
            streamed: admitted.request.streams, refundsRequest: false, firstByteMs: relay.firstByteMs,
            durationMs: now - startedMs,
            configVersion: context.world.table.version,
            rawUsage: relay.usage.flatMap {
                $0.raw.count <= UsageEvent.rawUsageBytesMax ? String(decoding: $0.raw, as: UTF8.self) : nil
            }, pool: admitted.scopes.pool)
    }

    /// Settles or cancels the hold.
    ///
    /// - Parameter outcome: `nil` if the request returned nothing and reached no provider: the hold is cancelled.
    mutating func settle(_ outcome: Outcome?, status: Int, at now: Int64, _ billing: Billing) {
        guard let admitted else { return }
        let charge = charge(billing, at: now)
        let outcome = readsOn?.outcome ?? outcome
        let refundsRequest = !billing.keepsUnit && trail.owed.cost == .zero
        var event = usageEvent(outcome ?? .failed, status: readsOn?.status ?? status, at: now, charge: charge)
        event.refundsRequest = refundsRequest
        actions.append(
            .settle(
                SettleRequest(
                    id: context.id.text, scopes: admitted.scopes, target: outcome == nil ? .cancelled : .settled,
                    cost: charge.cost, tokens: charge.usage.total, event: event.json,
                    periods: admitted.admission.periods, refundsRequest: refundsRequest)))
        self.admitted = nil
    }

    /// Settles a request that was answered from the cache: it costs nothing and counts against the minute only.
    mutating func settle(givenFrom answer: CachedResponse, at now: Int64) {
        guard let admitted else { return }
        let charge = Charge(usage: TokenUsage(), source: .provider, cost: .zero)
        var event = usageEvent(.completed, status: 200, at: now, charge: charge)
        event.model = answer.model
        event.deployment = answer.deployment
        event.priceID = answer.priceID
        event.refundsRequest = true
        event.saved = answer.cost
        actions.append(
            .settle(
                SettleRequest(
                    id: context.id.text, scopes: admitted.scopes, target: .settled, cost: .zero, tokens: 0,
                    event: event.json, periods: admitted.admission.periods, refundsRequest: true, countsInMinute: true))
        )
        self.admitted = nil
    }

    /// Ends a request with an error, in-band if the head of a stream was sent. The charge depends on what the provider
    /// may bill.
    mutating func fail(
        _ error: GatewayError, at now: Int64, close: Bool = false, _ billing: Billing = .nothing(keepsUnit: false)
    ) {
        tell(error, close: close)
        let status = headIsSent ? 200 : error.kind.status
        settle(attemptsMade > 0 ? .failed : nil, status: status, at: now, billing)
        end(status: status, outcome: attemptsMade > 0 ? .failed : nil, error: error, at: now)
    }

    /// Like `fail`, while an attempt runs that may be billed to its end.
    mutating func failInFlight(_ error: GatewayError, at now: Int64, close: Bool = false, mayReadOn: Bool = true) {
        tell(error, close: close)
        leave(.failed, status: headIsSent ? 200 : error.kind.status, error: error, mayReadOn: mayReadOn, at: now)
    }

    private mutating func tell(_ error: GatewayError, close: Bool) {
        guard headIsSent else { return say(.respond(errorResponse(error), close: close)) }
        say(.respondBytes(Array("data: ".utf8) + ErrorBody.json(error) + Array("\n\ndata: [DONE]\n\n".utf8)))
        say(.respondEnd(trailers: []))
    }

    /// The client disconnected.
    mutating func clientGone(at now: Int64) {
        switch phase {
        case .dispatching, .relaying: return leave(.cancelled, status: headIsSent ? 200 : 0, at: now)
        case .admitting where admitted != nil:
            settle(nil, status: headIsSent ? 200 : 0, at: now, .nothing(keepsUnit: false))
        case .admitting: return abandonAdmission(at: now)
        case .idle, .receiving, .rejecting, .peeking, .finished: break
        }
        end(status: 0, outcome: .cancelled, error: nil, at: now)
    }

    /// Gives up a pending admission. The hold may or may not exist yet: a cancel closes the ID either way, even before
    /// a late admit.
    private mutating func abandonAdmission(at now: Int64) {
        // A refused request that waits for the cache or for money has no hold.
        if let pending, !isRefusedSoFar { actions.append(.settle(cancellation(of: pending))) }
        end(status: 0, outcome: .cancelled, error: nil, at: now)
    }

    /// A cancel. Its event is recorded only if the request was admitted and reaped without this worker's knowledge.
    func cancellation(of pending: PendingAdmission) -> SettleRequest {
        var event = pending.event
        event.admittedMs = context.wallMs
        event.cost = .zero
        event.usage = TokenUsage()
        event.outcome = .cancelled
        event.attempts = 0
        event.refundsRequest = true
        return SettleRequest(
            id: context.id.text, scopes: pending.caller.scopes, target: .cancelled, cost: .zero, tokens: 0,
            event: event.json, periods: pending.caller.scopes.periods("0/0"), refundsRequest: true)
    }

    mutating func shutDown(at now: Int64) {
        let error = GatewayError(
            .serverShutdown, "server_shutdown: this worker is restarting. Retry.", retryAfterMs: 1_000)
        switch phase {
        case .relaying: breakStream(error, mayReadOn: false, at: now)
        case .dispatching: failInFlight(error, at: now, close: true, mayReadOn: false)
        case .admitting where admitted != nil: fail(error, at: now, close: true)
        case .admitting:
            say(.respond(errorResponse(error), close: true))
            abandonAdmission(at: now)
        case .idle, .finished: break
        case .receiving, .rejecting, .peeking: fail(error, at: now, close: true)
        }
    }

    private static let clientIDBytesMax = 128

    private var clientID: String {
        guard let text = head?.clientRequestID else { return "" }
        return HubKey.redacted(text.truncated(toBytes: Self.clientIDBytesMax))
    }

    mutating func end(status: Int, outcome: Outcome?, error: GatewayError?, at now: Int64) {
        noteEnd(at: now)
        giveBackBeginning()
        let (status, outcome, error) = readsOn.map { ($0.status, $0.outcome, $0.error) } ?? (status, outcome, error)
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
