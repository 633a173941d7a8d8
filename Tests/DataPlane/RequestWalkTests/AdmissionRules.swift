import Admission
import GatewayModel
import PlaneContract
import RequestWalk

/// Rules for admission and for settling.
struct AdmissionRules: WalkRules {
    var flaws: [WalkFlaw] = []

    mutating func willDo(_ action: WalkAction, _ facts: WalkFacts) {
        switch action {
        case .admit(let request):
            require(
                .onlyLiveKeysAreAdmitted, facts.keyIsLive && request.caller.record.status == .active, "key not live")
            let isWhole = facts.bodyIsComplete && facts.bodyBytes <= WalkScenario.bodyBytesMax
            let isTrusted = facts.bodyBytes <= facts.scenario.bounds.trustedBodyBytesMax || facts.beginIsAsked
            require(.onlyWholeBodiesAreAdmitted, isWhole && isTrusted, "\(facts.bodyBytes) bytes")
        case .settle(let request) where !facts.isAdmitted:
            let isNothing = request.target == .cancelled && request.cost == .zero && request.refundsRequest
            require(.onlyTheAdmittedSettle, isNothing && mayBeHeld(facts), "\(request.target) without admission")
        case .settle(let request):
            let wasDispatched = !facts.attempts.isEmpty || facts.atHand != nil && facts.isAnswered
            require(.settledOnce, (request.target == .settled) == wasDispatched, "\(request.target) as target")
        default: break
        }
    }

    mutating func stepped(_ facts: WalkFacts) {
        let isTooMuch = facts.bodyBytes > WalkScenario.bodyBytesMax || facts.unwantedBytes > WalkScenario.drainBytesMax
        require(.noBodyIsReadWithoutEnd, !isTooMuch || facts.isFinished, "\(facts.bodyBytes) bytes and no answer")
    }

    private func mayBeHeld(_ facts: WalkFacts) -> Bool {
        (facts.admitIsOpen || facts.beginIsOpen) && facts.settles.isEmpty
    }

    mutating func ended(_ facts: WalkFacts) {
        if facts.isAdmitted {
            require(.settledOnce, facts.settles.count == 1, "\(facts.settles.count) settles")
        } else if facts.admitIsOpen || facts.beginIsOpen {
            require(.noHoldIsForgotten, facts.settles.count == 1, "\(facts.settles.count) cancels")
        }
    }
}
