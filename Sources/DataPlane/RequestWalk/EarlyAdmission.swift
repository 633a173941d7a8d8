internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import Routing

/// What the limiter takes for a body larger than `trustedBodyBytesMax` before it is parsed.
///
/// The request's unit and concurrency slot are taken as soon as the key is known, while the body arrives, and the body
/// is parsed only after that. A caller over their rate or concurrency limit thus costs a worker no more than the
/// request's head. `Admitting` completes what was taken, or the end of the request gives it back.
struct EarlyAdmission {
    private enum State {
        case notAsked
        case asking
        /// The limiter took the unit and the slot, or may have.
        case stands
        /// The limiter could not be asked, or there is nothing to give back.
        case skipped
    }

    private var state = State.notAsked
    private var scopes: ScopeSet?

    var isDue: Bool { if case .notAsked = state { true } else { false } }
    var isAsking: Bool { if case .asking = state { true } else { false } }
    var stands: Bool { if case .stands = state { true } else { false } }

    /// Gives back what may have been taken; `nil` if nothing was.
    func cancellation(_ context: WalkContext) -> SettleRequest? {
        switch state {
        case .notAsked, .skipped: return nil
        case .asking, .stands: break
        }
        return scopes.map {
            SettleRequest(
                id: context.id.text, scopes: $0, target: .cancelled, cost: .zero, tokens: 0, event: [],
                periods: "0/0,0/0", refundsRequest: true)
        }
    }

    mutating func ask(for caller: Caller, _ context: WalkContext) -> BeginRequest {
        state = .asking
        scopes = caller.scopes
        let event = UsageEvent(
            id: context.id.text, keyID: caller.record.keyID, orgID: caller.record.orgID, loopID: context.world.loopID,
            requested: "", model: "", deployment: "", priceID: 0, admittedMs: 0, usage: TokenUsage(),
            usageSource: .counted, cost: .zero, hold: .zero, outcome: .cancelled, status: 0, attempts: 0,
            streamed: false, refundsRequest: true, firstByteMs: 0, durationMs: 0,
            configVersion: context.world.table.version, rawUsage: nil)
        return BeginRequest(
            id: context.id, caller: caller, event: event.json,
            lifetimeMs: context.world.bounds.totalMs + context.world.settings.holdGraceMs)
    }

    enum Verdict {
        /// The body may be parsed.
        case proceed
        /// The body may be parsed if the key may be used without the limiter.
        case proceedWithoutLimiter
        case refused(GatewayError)
        case stale
    }

    mutating func answered(_ answer: BeginAnswer) -> Verdict {
        switch answer {
        case .verdict(.begun):
            state = .stands
            return .proceed
        case .verdict(.refused(let error)), .notAsked(let error?):
            state = .skipped
            return .refused(error)
        case .verdict(.stale):
            state = .notAsked
            return .stale
        case .verdict(.fenced), .notAsked(nil):
            state = .skipped
            return .proceedWithoutLimiter
        case .verdict(.unreadable), .unavailable:
            state = .stands
            return .proceedWithoutLimiter
        }
    }
}
