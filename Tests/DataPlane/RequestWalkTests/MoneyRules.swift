import Admission
import Foundation
import GatewayModel
import PlaneContract
import RequestWalk

/// What holds of the charge. Prices of the fixture: one nano-USD a token in, two a token out.
struct MoneyRules: WalkRules {
    var flaws: [WalkFlaw] = []
    /// The costs said in headers and trailers.
    private var shown: [String] = []

    mutating func willDo(_ action: WalkAction, _ facts: WalkFacts) {
        switch action {
        case .respond(let response, _): note(response.headers.fields)
        case .respondEnd(let trailers): note(trailers.map { (name: $0.0, value: $0.1) })
        case .reportProgress(let report):
            let isHeld = facts.isAdmitted && facts.settles.isEmpty && report.cost <= facts.hold
            require(.chargeStaysWithinTheHold, isHeld, "a progress of \(report.cost.nano)")
        case .settle(let request):
            require(.chargeStaysWithinTheHold, request.cost <= facts.hold, "\(request.cost.nano) of \(facts.hold.nano)")
        default: break
        }
    }

    private mutating func note(_ fields: [(name: String, value: String)]) {
        shown += fields.filter { $0.0 == "x-aihub-cost-usd" }.map(\.1)
    }

    mutating func ended(_ facts: WalkFacts) {
        guard facts.isAdmitted, let settle = facts.settles.first else { return }
        judgeShown(settle.cost, facts)
        guard let inCharge = facts.inCharge else { return }
        judgeEvent(settle, facts, inCharge)
        if !facts.somethingWasGiven, !facts.callerIsGone || facts.isAnswered {
            let isFree = settle.cost == .zero && settle.givesUnitBack
            return require(.nothingDeliveredCostsNothing, isFree, "\(settle.cost.nano) for an error")
        }
        let bounds = Self.bounds(facts, inCharge)
        let isWithin = bounds.contains(settle.cost.nano) && !settle.givesUnitBack
        require(.chargeCoversWhatPassed, isWithin, "\(settle.cost.nano) outside \(bounds)")
    }

    /// What may be charged: the usage last reported, exactly, else at least what passed. The usage of a stream that broke
    /// off may be a preview: what passed since counts too.
    private static func bounds(_ facts: WalkFacts, _ inCharge: WalkFacts.Attempt) -> ClosedRange<Int64> {
        let hold = facts.hold.nano
        let chunks = given(facts, inCharge)
        let sizes = chunks.compactMap(\.text?.utf8.count)
        let passed = Int64(max(sizes.count, (sizes.reduce(0, +) + 3) / 4))
        // A later report that is smaller than an earlier one is not believed.
        let reports = chunks.compactMap(\.usage)
        guard var usage = reports.reduce(nil as TokenUsage?, { $0.map(\.total) ?? 0 > $1.total ? $0 : $1 }) else {
            return min(hold, 1 + 2 * passed)...hold
        }
        if facts.isStream, !chunks.contains(where: \.finishes) {
            usage.output = max(usage.output, passed - usage.reasoning)
        }
        let cost = usage.input + usage.cacheRead + usage.cacheWrite + 2 * (usage.output + usage.reasoning)
        return min(hold, cost)...min(hold, cost)
    }

    /// What of the engine's answer the caller was given.
    private static func given(_ facts: WalkFacts, _ inCharge: WalkFacts.Attempt) -> [ProviderScript.Chunk] {
        if facts.isStream { return inCharge.chunks }
        return facts.status == 200 ? inCharge.answer.map { [$0] } ?? [] : []
    }

    private mutating func judgeShown(_ cost: NanoUSD, _ facts: WalkFacts) {
        for text in shown {
            require(.costShownIsTheCharge, NanoUSD(decimalUSD: text) == cost, "\(text) shown, \(cost.nano) charged")
        }
        let isOwed = facts.isAnswered && (facts.somethingWasGiven || facts.givesWhatIsAtHand)
        let count = shown.count
        require(.costShownIsTheCharge, count == (isOwed ? 1 : 0), "\(count) costs shown")
        guard facts.isStream else { return }
        for usage in CallerStream(facts.written).usages {
            let said = (usage.usage?["cost"] as? Double).map { ($0 * 1e9).rounded() }
            require(.costShownIsTheCharge, said == Double(cost.nano), "a usage of \(said ?? -1), \(cost.nano) charged")
        }
    }

    private mutating func judgeEvent(_ settle: SettleRequest, _ facts: WalkFacts, _ inCharge: WalkFacts.Attempt) {
        guard let event = try? JSONDecoder().decode(UsageEvent.self, from: Data(settle.event)) else {
            return require(.settledOnce, false, "an unreadable event")
        }
        let agrees = event.cost == settle.cost && event.hold == facts.hold && event.givenBack == settle.givesUnitBack
        require(.chargeCoversWhatPassed, agrees, "the event says otherwise")
        let stated = Self.given(facts, inCharge).lazy.compactMap(\.statedModel).first
        let model = stated ?? inCharge.upstreamModel
        require(.modelIsHonest, event.model == model, "\(event.model) in the ledger instead of \(model)")
        let hasError = facts.isStream ? CallerStream(facts.written).hasError : facts.status != 200
        let outcome: Outcome = !facts.isAnswered ? .cancelled : hasError ? .failed : .completed
        let isTrue =
            event.outcome == outcome && event.status == facts.status ?? 0 && event.attempts == facts.attempts.count
            && event.streamed == facts.scenario.streams
        require(.ledgerTellsWhatHappened, isTrue, "\(event.outcome) \(event.status) after \(event.attempts) attempts")
    }
}
