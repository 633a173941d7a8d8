internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import Routing
internal import Translation

/// The hold of an admitted request while it is delivered: what it pays for, and what the request can have cost.
///
/// Streams whose bill ends when the connection is closed are held for slice by slice: the hold is extended ahead of
/// what can be produced, and when the money ends, so does the answer.
struct RunningHold {
    private(set) var admitted: AdmittedRequest
    /// The last deployment that was asked, or the first of the plan.
    private(set) var target: RouteTarget
    /// That deployment's.
    private(set) var translator: Translator
    /// What earlier attempts that were abandoned for their silence may be billed for.
    private(set) var owed = Charge.nothing
    /// The output limit per choice that the budget forced.
    private(set) var outputLimit: Int64?
    /// Output tokens the hold pays for.
    private var coveredTokens: Int64 = .max
    /// An extension was asked for.
    private var isExtending = false
    /// The limit that kept the hold from being extended as asked.
    private(set) var limit: LimitFacts?
    /// The hold is used up: the upstream is paused until it is extended.
    private(set) var isUsedUp = false
    private var production = Production()
    private let wallMs: Int64

    init(_ admitted: AdmittedRequest, _ context: WalkContext) {
        self.admitted = admitted
        wallMs = context.wallMs
        target = admitted.plan.targets[0]
        translator = context.world.translator(for: target)
    }

    private var request: InferenceRequest { admitted.request }

    /// Whether the hold may still be used up.
    var isPartial: Bool { coveredTokens < .max }

    /// The price of the declared model, or of the model the provider says it used if that is higher.
    func price(_ tally: AnswerTally) -> Price? { tally.higherPrice ?? target.model.price(atMs: wallMs) }

    // MARK: Attempts

    /// - Returns: the output limit per choice that the budget forces; `nil` where the money suffices.
    mutating func ask(_ target: RouteTarget, _ translator: Translator) -> Int64? {
        self.target = target
        self.translator = translator
        return admitted.affordableOutput(on: target, owed: owed.cost, atMs: wallMs)
    }

    mutating func attemptStarted(outputLimit: Int64?, atMs now: Int64) {
        self.outputLimit = outputLimit
        limit = nil
        isExtending = false
        production.start(atMs: now)
        cover()
    }

    mutating func attemptEnded() { production.stop() }

    /// The attempt was given up for its silence, and may be billed nevertheless.
    mutating func abandonAttempt(_ billing: Billing, _ tally: AnswerTally, atMs now: Int64) {
        owed = charge(billing, tally, atMs: now)
        production.stop()
    }

    /// The hold that covers what is owed and an attempt on this deployment; `nil` where no price is in force.
    func wanted(forFallbackTo target: RouteTarget) -> NanoUSD? {
        request.firstHold(on: target, atMs: wallMs).map { max(admitted.hold, NanoUSD(owed.cost.nano + $0.wanted.nano)) }
    }

    func pays(forFallbackTo target: RouteTarget) -> Bool {
        let least = request.firstHold(on: target, atMs: wallMs)?.least ?? admitted.hold
        return admitted.hold.nano - owed.cost.nano >= least.nano
    }

    mutating func renew(_ caller: Caller) { admitted.caller = admitted.caller.renewed(caller) }

    mutating func pause(atMs now: Int64) { production.pause(atMs: now) }

    mutating func resume(atMs now: Int64) { production.resume(perSecond: admitted.outputRate(on: target), atMs: now) }

    mutating func passed(_ tokens: Int64) { production.passed(tokens) }

    // MARK: Extension

    enum Verdict {
        case suffices
        /// It is to be extended.
        case nearsItsEnd
        /// It is used up: nothing more may be produced until it has been extended.
        case usedUp(mustAsk: Bool)
        /// It is used up and cannot be extended.
        case outOfMoney
    }

    /// Whether the hold must be extended before more is produced.
    func verdict(_ tally: AnswerTally, atMs now: Int64) -> Verdict {
        guard isPartial else { return .suffices }
        if isAtItsEnd(tally, atMs: now) {
            return limit == nil || isExtending ? .usedUp(mustAsk: !isExtending) : .outOfMoney
        }
        return !isExtending && limit == nil && nearsItsEnd(tally, atMs: now) ? .nearsItsEnd : .suffices
    }

    /// - Returns: whether the upstream was not held up already.
    mutating func waitForExtension(atMs now: Int64) -> Bool {
        guard !isUsedUp else { return false }
        isUsedUp = true
        production.pause(atMs: now)
        return true
    }

    mutating func endWait() { isUsedUp = false }

    /// - Returns: the hold to ask for: larger by a slice if it may be used up before the next report.
    mutating func extended(_ tally: AnswerTally, atMs now: Int64) -> NanoUSD {
        guard isPartial, !isExtending, nearsItsEnd(tally, atMs: now), let price = target.model.price(atMs: wallMs)
        else {
            return admitted.hold
        }
        isExtending = true
        let each = coveredTokens / request.size.choices + request.slice(on: target)
        let bound = Estimate.outputBound(request.size, on: target.model)
        let worst = Estimate.worstCase(request.size, on: target.model, at: price, outputTokens: min(each, bound))
        return max(admitted.hold, NanoUSD(worst.nano + owed.cost.nano))
    }

    mutating func raise(to hold: NanoUSD) { admitted.hold = max(admitted.hold, hold) }

    /// The answer to a report arrived.
    ///
    /// - Parameter reason: the limit that kept the hold from being extended as asked; `nil` for none.
    mutating func extensionAnswered(isHeld: Bool, reason: LimitFacts?) -> Bool {
        defer { isExtending = false }
        guard isHeld else { return isExtending }
        let before = coveredTokens
        cover()
        // A hold that grew only in part keeps growing: others may have settled by the next report, a second later.
        limit = coveredTokens > before ? nil : reason
        return isExtending
    }

    /// Recomputes how much of the attempt's output the hold pays for, after what is owed for earlier ones.
    private mutating func cover() {
        coveredTokens = admitted.coveredTokens(on: target, limit: outputLimit, owed: owed.cost, atMs: wallMs)
    }

    func isAtItsEnd(_ tally: AnswerTally, atMs now: Int64) -> Bool {
        produced(tally, atMs: now) + underWayTokens >= coveredTokens
    }

    /// Whether the hold may be used up before a later report could extend it.
    private func nearsItsEnd(_ tally: AnswerTally, atMs now: Int64) -> Bool {
        let lead = Production.tokens(perSecond: admitted.outputRate(on: target), overMs: Production.leadMs)
        return produced(tally, atMs: now) + underWayTokens + lead >= coveredTokens
    }

    /// Output tokens produced so far, without those in flight.
    private func produced(_ tally: AnswerTally, atMs now: Int64) -> Int64 {
        production.tokens(
            visible: tally.visibleTokens, perSecond: admitted.outputRate(on: target),
            isUnseen: request.mayThinkUnseen(through: translator), atMs: now)
    }

    /// For all choices together.
    private var underWayTokens: Int64 { Estimate.product(Production.underWayTokens, request.size.choices) }

    // MARK: Charge

    /// What the request costs if it ends like this; never more than is held.
    ///
    /// - Parameter aheadMs: for a progress report, the time until the next one: if the worker dies in between, the
    ///   report must cover that time too.
    func charge(_ billing: Billing, _ tally: AnswerTally, atMs now: Int64, aheadMs: Int64 = 0) -> Charge {
        var charge = Charge.nothing
        if let price = price(tally) {
            let rules = ChargeRules(
                request: request, target: target, translator: translator, price: price, tally: tally)
            switch billing {
            case .nothing: break
            case .input: charge = rules.input()
            case .whole: charge = rules.whole()
            case .cut where tally.isFinished && tally.finalUsage != nil: charge = rules.whole()
            case .cut:
                let ahead = Production.tokens(perSecond: admitted.outputRate(on: target), overMs: aheadMs)
                charge = rules.cut(produced: produced(tally, atMs: now), ahead: underWayTokens + ahead)
            }
        }
        return charge.adding(owed, at: admitted.hold)
    }

    /// Whether reading on can lower the charge. A stream that has finished is about to report its usage, whether or not
    /// closing would end its bill.
    func paysToReadOn(_ tally: AnswerTally) -> Bool {
        if request.stopsWhenClosed(on: target) { return tally.isFinished && tally.finalUsage == nil }
        return charge(.cut, tally, atMs: 0).cost > .zero
    }
}
