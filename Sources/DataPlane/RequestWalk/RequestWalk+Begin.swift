internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import Routing

/// Before stage 2, for bodies larger than `trustedBodyBytesMax`.
///
/// The request's unit and concurrency slot are taken as soon as the key is known, while the body arrives, and the body
/// is parsed only after that. A caller over their rate or concurrency limit thus costs a worker no more than the
/// request's head. `Admit` completes what was taken, or the end of the request gives it back.
extension RequestWalk {
    enum Beginning {
        case notAsked
        case asking
        /// The limiter took the unit and the slot, or may have.
        case stands
        /// The limiter could not be asked, or there is nothing to give back.
        case skipped
    }

    mutating func beginIfLarge() {
        guard case .receiving = phase, case .notAsked = beginning, endpoint?.operation != nil, let caller,
            max(head?.contentLength ?? 0, body.count) > context.world.bounds.trustedBodyBytesMax
        else { return }
        beginning = .asking
        begunScopes = caller.scopes
        let event = UsageEvent(
            id: context.id.text, keyID: caller.record.keyID, orgID: caller.record.orgID, loopID: context.world.loopID,
            requested: "", model: "", deployment: "", priceID: 0, admittedMs: 0, usage: TokenUsage(),
            usageSource: .counted, cost: .zero, hold: .zero, outcome: .cancelled, status: 0, attempts: 0,
            streamed: false, refundsRequest: true, firstByteMs: 0, durationMs: 0,
            configVersion: context.world.table.version, rawUsage: nil)
        actions.append(
            .begin(
                BeginRequest(
                    id: context.id, caller: caller, event: event.json,
                    lifetimeMs: context.world.bounds.totalMs + context.world.settings.holdGraceMs)))
    }

    mutating func beginAnswered(_ answer: BeginAnswer, at now: Int64) {
        guard case .receiving = phase, case .asking = beginning else { return }
        switch answer {
        case .verdict(.begun):
            beginning = .stands
            proceed(at: now)
        case .verdict(.refused(let error)):
            beginning = .skipped
            reject(error, at: now)
        case .verdict(.stale):
            beginning = .notAsked
            keyWasStale(at: now)
        case .verdict(.fenced), .notAsked(nil):
            beginning = .skipped
            proceedWithoutLimiter(at: now)
        case .notAsked(let error?):
            beginning = .skipped
            reject(error, at: now)
        case .verdict(.unreadable), .unavailable:
            beginning = .stands
            proceedWithoutLimiter(at: now)
        }
    }

    /// `Admit` decides whether the key may run without the limiter; if the key never may, the body is not parsed.
    private mutating func proceedWithoutLimiter(at now: Int64) {
        if caller?.record.outagePolicy == .deny { reject(limiterUnavailable, at: now) } else { proceed(at: now) }
    }

    /// Gives back what `begin` took when a request ends without admission. If its admission is being cancelled, that
    /// closes the same record.
    mutating func giveBackBeginning() {
        switch beginning {
        case .notAsked, .skipped: return
        case .asking, .stands: break
        }
        beginning = .skipped
        guard let scopes = begunScopes, !actions.contains(where: { if case .settle = $0 { true } else { false } })
        else {
            return
        }
        actions.append(
            .settle(
                SettleRequest(
                    id: context.id.text, scopes: scopes, target: .cancelled, cost: .zero, tokens: 0, event: [],
                    periods: "0/0,0/0", refundsRequest: true)))
    }
}
