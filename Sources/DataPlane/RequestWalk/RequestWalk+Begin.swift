internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import Routing

/// Before stage 2, for bodies too large to be read on trust: the request's unit and its place among those that run are taken as soon as
/// the key is known, while the body arrives, and nothing of it is parsed before. A caller over their rate or concurrency so costs a worker
/// the head of a request and no more. What was taken is completed by `Admit`, or given back at the end.
extension RequestWalk {
    enum Beginning {
        case notAsked
        case asking
        /// It stands, or may.
        case stands
        /// The limiter could not be asked, and the key goes on without it.
        case skipped
    }

    mutating func beginIfLarge() {
        guard case .receiving = phase, case .notAsked = beginning, endpoint?.operation != nil, let caller,
            max(head?.contentLength ?? 0, body.count) > context.world.bounds.trustedBodyBytesMax
        else { return }
        beginning = .asking
        begunScopes = caller.scopes
        let event = UsageEvent(
            id: context.id.text, keyID: caller.record.keyID, orgID: caller.record.orgID, owner: context.world.owner,
            requested: "", model: "", deployment: "", priceID: 0, admittedMs: 0, usage: TokenUsage(),
            usageSource: .counted, cost: .zero, hold: .zero, outcome: .cancelled, status: 0, attempts: 0,
            streamed: false, givenBack: true, firstByteMs: 0, durationMs: 0,
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

    /// Whether the key may run without the limiter is for `Admit` to say; where it never may, nothing is parsed.
    private mutating func proceedWithoutLimiter(at now: Int64) {
        if caller?.record.outagePolicy == .deny { reject(limiterUnavailable, at: now) } else { proceed(at: now) }
    }

    /// At the end of a request that was not admitted: what `begin` took goes back, unless its admission is being cancelled, which
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
                    periods: "0/0,0/0", givesUnitBack: true)))
    }
}
