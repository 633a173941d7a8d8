import Admission
import Foundation
import GatewayModel
import PlaneContract
import RequestWalk

/// Rules for the charge. The fixture's prices: one nano-USD per input token, two per output token.
struct MoneyRules: WalkRules {
    var flaws: [WalkFlaw] = []
    /// The costs stated in headers and trailers.
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
        let bills = facts.attempts.map { ProviderBill($0, streams: facts.scenario.streams) }
        if bills.allSatisfy({ $0.most == 0 && $0.exact == nil }) {
            let isGivenBack = settle.refundsRequest || bills.contains(where: \.keepsUnit)
            let isFree = settle.cost == .zero && isGivenBack
            return require(.nothingBilledCostsNothing, isFree, "\(settle.cost.nano) for nothing")
        }
        require(.chargeCoversTheBill, !settle.refundsRequest, "the unit is given back")
        let most = min(facts.hold.nano, bills.reduce(0) { $0 + $1.most })
        require(.chargeCoversTheBill, settle.cost.nano >= most, "\(settle.cost.nano) for a bill of \(most)")
        guard bills.count(where: { $0.most > 0 || $0.exact != nil }) == 1, let exact = bills.last?.exact else { return }
        let charged = min(facts.hold.nano, exact)
        require(.chargeIsTheReportedUsage, settle.cost.nano == charged, "\(settle.cost.nano) instead of \(charged)")
    }

    private mutating func judgeShown(_ cost: NanoUSD, _ facts: WalkFacts) {
        for text in shown {
            require(.costShownIsTheCharge, NanoUSD(decimalUSD: text) == cost, "\(text) shown, \(cost.nano) charged")
        }
        let isOwed = facts.isAnswered && (facts.somethingWasGiven || facts.givesWhatIsAtHand) && !facts.readsOn
        // A stream states it in a trailer, for clients that accept trailers.
        let isShown = isOwed && (!facts.isStream || facts.scenario.head.acceptsTrailers)
        let count = shown.count
        require(.costShownIsTheCharge, count == (isShown ? 1 : 0), "\(count) costs shown")
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
        let agrees =
            event.cost == settle.cost && event.hold == facts.hold && event.refundsRequest == settle.refundsRequest
        require(.chargeCoversTheBill, agrees, "the event says otherwise")
        let given = facts.scenario.streams ? inCharge.chunks : inCharge.answer.map { [$0] } ?? []
        let isRead = facts.scenario.streams == inCharge.isEventStream && inCharge.status == 200
        let stated = isRead ? given.lazy.compactMap(\.statedModel).first : nil
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
