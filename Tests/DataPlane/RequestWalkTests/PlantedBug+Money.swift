import Admission
import GatewayModel
import PlaneContract
import RequestWalk

extension PlantedBug {
    /// Bugs that admit what must be refused.
    static let admission = [
        hears("a revoked key passes", breaks: .onlyLiveKeysAreAdmitted) { event, _ in
            guard case .keyFound(.found(let caller)) = event else { return event }
            var record = caller.record
            record.status = .active
            record.expiresAtMs = nil
            return .keyFound(.found(Caller(record)))
        },
        replaces("a stale key is not read again", breaks: .everyWaitIsBounded) { action, _ in
            if case .lookUpKey(_, true) = action { [] } else { [action] }
        },
        hears("a body that broke off is waited for", breaks: .everyWaitIsBounded) { event, _ in
            if case .requestBroken = event { nil } else { event }
        },
        hears("the bound of the body is not kept", breaks: .onlyWholeBodiesAreAdmitted) { event, facts in
            guard case .body(let bytes) = event else { return event }
            return .body(bytes.filter { $0 != UInt8(ascii: "y") })
        },
        acts("dispatch does not wait for the limiter", breaks: .onlyTheAdmittedAreDispatched) { actions, facts in
            guard facts.admitIsOpen, case .admitAnswered? = facts.event else { return actions }
            return WalkAction.nextAttempt(facts)
        },
        hears("a refusal is taken for an admission", breaks: .onlyTheAdmittedAreDispatched) { event, facts in
            if case .admitAnswered(.verdict(.refused)) = event {
                return .admitAnswered(Walker.admission(holding: facts.hold))
            }
            return event
        },
        hears("a body past its bound is read on", breaks: .noBodyIsReadWithoutEnd) { event, facts in
            guard case .body = event, facts.bodyBytes > WalkScenario.bodyBytesMax else { return event }
            return .body([])
        },
    ]

    /// Bugs in the ledger.
    static let money = [
        acts("a caller who leaves in dispatch is not settled", breaks: .settledOnce) { actions, facts in
            facts.eventIsClientGone && !facts.isStream && facts.isAdmitted ? actions.filter { !$0.isSettle } : actions
        },
        acts("a cut stream is settled twice", breaks: .settledOnce) { actions, facts in
            guard case .attemptFailed? = facts.event, facts.isStream else { return actions }
            return actions + actions.filter(\.isSettle)
        },
        settles("a failed request is only cancelled", breaks: .settledOnce) { request, _ in
            if request.refundsRequest { request.target = .cancelled }
        },
        acts("a refused request is settled", breaks: .onlyTheAdmittedSettle) { actions, facts in
            guard case .admitAnswered(.verdict(.refused))? = facts.event, let admit = facts.admit else {
                return actions
            }
            return [.settle(cancel(admit))] + actions
        },
        settles("an unanswered admit is charged", breaks: .onlyTheAdmittedSettle) { request, facts in
            if !facts.isAdmitted { request.cost = NanoUSD(1) }
        },
        replaces("an unanswered admit is not cancelled", breaks: .noHoldIsForgotten) { action, facts in
            action.isSettle && !facts.isAdmitted ? [] : [action]
        },
        settles("a caller who leaves pays nothing", breaks: .chargeCoversTheBill) { request, facts in
            if facts.eventIsClientGone { request.cost = .zero }
        },
        settles("only the input of a broken stream is charged", breaks: .chargeCoversTheBill) { request, facts in
            if facts.dataIsWritten, request.text.contains(#""outcome":"failed""#) { request.cost = NanoUSD(1) }
        },
        acts("an answer that is billed to its end is closed and counted", breaks: .chargeCoversTheBill) {
            actions, facts in
            facts.readsOn && !facts.running.isEmpty
                ? actions
                : actions.map { action in
                    guard case .settle(var request) = action, facts.readsOn, request.cost == facts.hold else {
                        return action
                    }
                    request.cost = NanoUSD(1)
                    return .settle(request)
                }
        },
        settles("what was reported is rounded up", breaks: .chargeIsTheReportedUsage) { request, _ in
            if request.text.contains(#""provider""#) { request.cost = NanoUSD(request.cost.nano + 1) }
        },
        settles("the ledger is told another cost", breaks: .chargeCoversTheBill) { request, _ in
            request.text = request.text.replacing(#""cost":"#, with: #""cost":1"#)
        },
        settles("a charge exceeds the hold", breaks: .chargeStaysWithinTheHold) { request, facts in
            if request.text.contains(#""bounded""#) { request.cost = NanoUSD(1_000_000) }
        },
        replaces("a running stream reports more than its hold", breaks: .chargeStaysWithinTheHold) { action, _ in
            guard case .reportProgress(var report) = action else { return [action] }
            report.cost = NanoUSD(1_000_000)
            return [.reportProgress(report)]
        },
        settles("an error before dispatch ends costs money", breaks: .nothingBilledCostsNothing) { request, facts in
            if request.refundsRequest, facts.isAdmitted { request.cost = NanoUSD(1) }
        },
        settles("an error uses up a unit of the limits", breaks: .nothingBilledCostsNothing) { request, facts in
            if facts.isAdmitted { request.refundsRequest = false }
        },
        replaces("a stream shows another cost than it charges", breaks: .costShownIsTheCharge) { action, _ in
            guard case .respondEnd(let trailers) = action, !trailers.isEmpty else { return [action] }
            return [.respondEnd(trailers: [("x-aihub-cost-usd", "1")])]
        },
        rewrites("usage shows another cost than is charged", breaks: .costShownIsTheCharge) { text, _ in
            text.replacing(#""cost":0."#, with: #""cost":1."#)
        },
        settles("a caller who left is filed as served", breaks: .ledgerTellsWhatHappened) { request, _ in
            request.text = request.text.replacing(#""cancelled""#, with: #""completed""#)
        },
        settles("an error is filed as a success", breaks: .ledgerTellsWhatHappened) { request, _ in
            request.text = request.text.replacing(#""status":50"#, with: #""status":20"#)
        },
    ]

    /// Changes the settle request.
    private static func settles(
        _ name: String, breaks: WalkProperty, _ change: @escaping @Sendable (inout SettleRequest, WalkFacts) -> Void
    ) -> PlantedBug {
        replaces(name, breaks: breaks) { action, facts in
            guard case .settle(var request) = action else { return [action] }
            change(&request, facts)
            return [.settle(request)]
        }
    }

    private static func cancel(_ admit: AdmitRequest) -> SettleRequest {
        SettleRequest(
            id: admit.id.text, scopes: admit.caller.scopes, target: .cancelled, cost: .zero, tokens: 0, event: [],
            periods: "0/0,0/0", refundsRequest: true)
    }
}
