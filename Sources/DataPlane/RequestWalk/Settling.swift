internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import ProviderSchemas
internal import ResponseCache
internal import Routing

/// How a request ended for its caller.
struct Ending {
    var status: Int
    /// `nil` if it reached no provider.
    var outcome: Outcome?
    var error: GatewayError?
    var attempts = 0
    var cache: CacheUse.Word?
    /// The provider answered under another model name than its deployment declares.
    var isMisnamed = false

    init(status: Int, outcome: Outcome? = nil, error: GatewayError? = nil) {
        self.status = status
        self.outcome = outcome
        self.error = error
    }

    init(_ error: GatewayError) { self.init(status: error.kind.status, error: error) }
}

/// A request that ended without being admitted, and what the limiter may hold for it nevertheless.
struct Unadmitted {
    fileprivate enum Leftover {
        case nothing
        /// The unit and the slot of an early admission.
        case slot(ScopeSet)
        /// The hold may exist.
        case hold(PendingAdmission)
    }

    fileprivate let ending: Ending
    fileprivate let leftover: Leftover

    /// - Parameter pending: set if the limiter's verdict is unknown. Its cancel closes an early admission, too.
    init(_ ending: Ending, holding early: EarlyAdmission, mayHold pending: PendingAdmission? = nil) {
        self.ending = ending
        leftover = pending.map { .hold($0) } ?? early.taken.map { .slot($0) } ?? .nothing
    }
}

/// What a delivered request came to; nothing more is written or asked.
struct Delivered {
    let hold: RunningHold
    let tally: AnswerTally
    let charge: Charge
    /// What the caller was answered with instead of a deployment's answer.
    var cached: CachedAnswer?
    /// `nil` if the request returned nothing and reached no provider: its hold is cancelled.
    let outcome: Outcome?
    let status: Int
    let refundsUnit: Bool
    let ending: Ending
}

/// The last stage and the one exit of every path: what was taken is settled or given back, once, and the end is
/// reported.
struct Settling {
    private var exchange: Exchange

    init(_ exchange: Exchange) { self.exchange = exchange }

    mutating func swapActions(_ other: inout [WalkAction]) { swap(&exchange.actions, &other) }

    /// Settles the hold by the charge, or cancels it.
    mutating func settle(_ delivered: Delivered, at now: Int64) {
        let hold = delivered.hold
        var event = UsageEvent(
            exchange, hold, delivered.tally, delivered.outcome ?? .failed, status: delivered.status,
            attempts: delivered.ending.attempts, delivered.charge, at: now)
        event.givenBack = delivered.refundsUnit
        var request = SettleRequest(
            id: event.id, scopes: hold.admitted.scopes, target: delivered.outcome == nil ? .cancelled : .settled,
            cost: delivered.charge.cost, tokens: delivered.charge.usage.total, event: [],
            periods: hold.admitted.admission.periods, givesUnitBack: delivered.refundsUnit)
        if let cached = delivered.cached {
            // It costs nothing and counts against the minute only.
            event.model = cached.model
            event.deployment = cached.deployment
            event.priceID = cached.priceID
            event.givenBack = true
            event.saved = cached.cost
            request.givesUnitBack = true
            request.keepsMinute = true
        }
        request.event = event.json
        exchange.actions.append(.settle(request))
        end(delivered.ending, at: now)
    }

    /// Gives back what the limiter may have taken.
    mutating func giveBack(_ unadmitted: Unadmitted, at now: Int64) {
        switch unadmitted.leftover {
        case .nothing: break
        case .hold(let pending): exchange.actions.append(.settle(pending.cancellation(exchange.context)))
        case .slot(let scopes):
            exchange.actions.append(
                .settle(
                    SettleRequest(
                        id: exchange.context.id.text, scopes: scopes, target: .cancelled, cost: .zero, tokens: 0,
                        event: [], periods: "0/0,0/0", givesUnitBack: true)))
        }
        end(unadmitted.ending, at: now)
    }

    /// Reports the end of a request that took nothing.
    mutating func end(_ ending: Ending, at now: Int64) {
        exchange.cancelTimers()
        exchange.actions.append(
            .finished(
                WalkReport(
                    id: exchange.context.id, clientID: exchange.clientID, endpoint: exchange.endpoint?.label ?? "none",
                    status: ending.status, outcome: ending.outcome, error: ending.error?.kind,
                    detail: ending.error?.detail ?? "", durationMs: now - exchange.startedMs,
                    attempts: ending.attempts,
                    cache: exchange.context.world.cache == nil ? nil : ending.cache ?? .bypass,
                    isMisnamed: ending.isMisnamed)))
    }
}

extension UsageEvent {
    /// What a delivered request has come to so far.
    init(
        _ exchange: Exchange, _ hold: RunningHold, _ tally: AnswerTally, _ outcome: Outcome, status: Int,
        attempts: Int, _ charge: Charge, at now: Int64
    ) {
        let admitted = hold.admitted
        let context = exchange.context
        self.init(
            id: context.id.text, keyID: admitted.scopes.keyID, orgID: admitted.scopes.orgID, owner: context.world.owner,
            requested: admitted.request.model,
            model: tally.modelName(on: hold.target),
            deployment: hold.target.deployment.id, priceID: hold.price(tally)?.id ?? 0,
            admittedMs: admitted.admission.atMs, usage: charge.usage, usageSource: charge.source, cost: charge.cost,
            hold: admitted.hold, outcome: outcome, status: status, attempts: attempts,
            streamed: admitted.request.streams, givenBack: false, firstByteMs: tally.firstByteMs,
            durationMs: now - exchange.startedMs,
            configVersion: context.world.table.version,
            rawUsage: tally.usage.flatMap {
                $0.raw.count <= UsageEvent.rawUsageBytesMax ? String(decoding: $0.raw, as: UTF8.self) : nil
            }, pool: admitted.scopes.pool)
    }
}
