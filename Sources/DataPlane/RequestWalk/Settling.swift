internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import ProviderResponses
internal import ResponseCache
internal import Routing

/// How a request ended for its caller.
struct Ending {
    var status: Int
    /// `nil` if it reached no provider.
    var outcome: Outcome?
    private(set) var error: ErrorKind?
    private(set) var detail = ""
    var attempts = 0
    var cache: CacheUse.Word?
    /// The provider answered under another model name than its deployment declares.
    var isMisnamed = false

    init(status: Int, outcome: Outcome? = nil, error: GatewayError? = nil) {
        self.status = status
        self.outcome = outcome
        self.error = error?.kind
        detail = error?.detail ?? ""
    }

    init(_ error: GatewayError) { self.init(status: error.kind.status, error: error) }
}

/// A request that ended without being admitted.
struct Unadmitted {
    fileprivate let ending: Ending
    /// Gives back what the limiter may hold for it nevertheless.
    fileprivate let settle: SettleRequest?

    /// - Parameter pending: set if the limiter's verdict is unknown. Its cancel closes an early admission, too.
    init(
        _ ending: Ending, holding early: EarlyAdmission, mayHold pending: PendingAdmission? = nil,
        _ context: WalkContext
    ) {
        self.ending = ending
        settle = pending?.cancellation(context) ?? early.cancellation(context)
    }
}

/// A request that was admitted and has ended; nothing more is written or asked.
struct Delivered {
    let settle: SettleRequest
    let ending: Ending
}

/// The last stage and the one exit of every path: what was taken is settled or given back, once, and the end is
/// reported.
struct Settling {
    private var exchange: Exchange

    init(_ exchange: consuming Exchange) { self.exchange = exchange }

    mutating func swapActions(_ other: inout [WalkAction]) { swap(&exchange.actions, &other) }

    mutating func settle(_ delivered: Delivered, at now: Int64) {
        exchange.actions.append(.settle(delivered.settle))
        end(delivered.ending, at: now)
    }

    mutating func giveBack(_ unadmitted: Unadmitted, at now: Int64) {
        if let settle = unadmitted.settle { exchange.actions.append(.settle(settle)) }
        end(unadmitted.ending, at: now)
    }

    /// Reports the end.
    mutating func end(_ ending: Ending, at now: Int64) {
        exchange.cancelTimers()
        exchange.actions.append(
            .finished(
                WalkReport(
                    id: exchange.context.id, clientID: exchange.clientID, endpoint: exchange.endpoint?.label ?? "none",
                    status: ending.status, outcome: ending.outcome, error: ending.error,
                    detail: ending.detail, durationMs: now - exchange.startedMs,
                    attempts: ending.attempts,
                    cache: exchange.context.world.cache == nil ? nil : ending.cache ?? .bypass,
                    isMisnamed: ending.isMisnamed)))
    }
}

extension SettleRequest {
    /// Replaces the hold by the charge, or cancels it.
    ///
    /// - Parameter outcome: `nil` if the request returned nothing and reached no provider: the hold is cancelled.
    /// - Parameter cached: what the caller was answered with instead of a deployment's answer. It costs nothing and
    ///   counts against the minute only.
    init(
        _ event: UsageEvent, _ admitted: AdmittedRequest, _ outcome: Outcome?, _ charge: Charge, refundsUnit: Bool,
        cached: CachedResponse? = nil
    ) {
        var event = event
        event.refundsRequest = refundsUnit
        if let cached {
            event.model = cached.model
            event.deployment = cached.deployment
            event.priceID = cached.priceID
            event.saved = cached.cost
        }
        self.init(
            id: event.id, scopes: admitted.scopes, target: outcome == nil ? .cancelled : .settled,
            cost: charge.cost, tokens: charge.usage.total, event: event.json,
            periods: admitted.admission.periods, refundsRequest: refundsUnit, countsInMinute: cached != nil)
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
            id: context.id.text, keyID: admitted.scopes.keyID, orgID: admitted.scopes.orgID,
            loopID: context.world.loopID,
            requested: admitted.request.model,
            model: tally.modelName(on: hold.target),
            deployment: hold.target.deployment.id, priceID: hold.price(tally)?.id ?? 0,
            admittedMs: admitted.admission.atMs, usage: charge.usage, usageSource: charge.source, cost: charge.cost,
            hold: admitted.hold, outcome: outcome, status: status, attempts: attempts,
            streamed: admitted.request.streams, refundsRequest: false, firstByteMs: tally.firstByteMs,
            durationMs: now - exchange.startedMs,
            configVersion: context.world.table.version,
            rawUsage: tally.usage.flatMap {
                $0.raw.count <= UsageEvent.rawUsageBytesMax ? String(decoding: $0.raw, as: UTF8.self) : nil
            }, pool: admitted.scopes.pool)
    }
}
