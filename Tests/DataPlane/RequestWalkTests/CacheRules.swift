import Admission
import Foundation
import GatewayModel
import PlaneContract
import RequestWalk
import ResponseCache

/// Rules for cached answers, and for answers that are stored.
struct CacheRules: WalkRules {
    var flaws: [WalkFlaw] = []

    mutating func willDo(_ action: WalkAction, _ facts: WalkFacts) {
        switch action {
        case .startAttempt:
            require(.noEngineIsAskedForAnswersAtHand, facts.atHand == nil, "an attempt beside an answer at hand")
        case .respond(let response, _) where response.status == 200 && facts.scenario.isChat:
            if facts.attempts.isEmpty { require(.answersAtHandNeedAdmission, facts.isAdmitted, "given unasked") }
        case .admit(let request) where request.isForCachedResponse:
            let isRight = facts.atHand != nil && facts.refusalIsWaived && request.hold == .zero
            require(.answersAtHandNeedAdmission, isRight, "let in by the rate alone")
        case .keepAnswer(_, let answer): judgeKept(answer, facts)
        case .settle(let request) where facts.givesWhatIsAtHand && facts.isAnswered: judge(request, facts)
        default: break
        }
    }

    private mutating func judgeKept(_ answer: CachedResponse, _ facts: WalkFacts) {
        // An answer that is read on without its caller may not have been written yet: check the answer itself.
        let isWhole =
            answer.isStream ? facts.inCharge?.chunks.contains(where: \.finishes) == true : facts.inCharge?.answer != nil
        let isClean = facts.isAnswered && facts.status == 200 && !CallerStream(facts.written).hasError
        require(.onlyWholeAnswersAreKept, isWhole && (isClean || facts.readsOn), "an answer that is not whole")
        // An answer that was read on reached no caller.
        let isWhatWasGiven = answer.content == facts.writtenEvents || facts.readsOn
        require(.onlyWholeAnswersAreKept, isWhatWasGiven, "other bytes than were given")
        let isWanted = facts.scenario.hasCache && facts.scenario.head.cacheControl != "no-store"
        require(
            .onlyWholeAnswersAreKept, isWanted && answer.isStream == facts.scenario.streams, "an answer nobody keeps")
    }

    private mutating func judge(_ settle: SettleRequest, _ facts: WalkFacts) {
        let isFree = settle.cost == .zero && settle.tokens == 0 && settle.refundsRequest && settle.countsInMinute
        require(.answersAtHandAreFree, isFree, "\(settle.cost.nano) for an answer at hand")
        guard let event = try? JSONDecoder().decode(UsageEvent.self, from: Data(settle.event)), let kept = facts.atHand
        else {
            return require(.answersAtHandAreFree, false, "an unreadable event")
        }
        let isFiled =
            event.saved == kept.cost && event.model == kept.model && event.outcome == .completed && event.refundsRequest
            && event.cost == .zero && event.usage == TokenUsage() && event.deployment == kept.deployment
        require(.answersAtHandAreFree, isFiled, "the event says otherwise")
    }

    mutating func ended(_ facts: WalkFacts) {
        guard facts.givesWhatIsAtHand, facts.isAnswered, let kept = facts.atHand else { return }
        require(.answersAtHandAreExact, facts.writtenEvents == kept.content, "other bytes than were kept")
        if facts.isStream {
            require(.answersAtHandAreExact, CallerStream(facts.written).endsWithDone, "no [DONE]")
        }
        require(.answersAtHandAreFree, facts.settles.first?.countsInMinute == true, "not settled as an answer at hand")
    }
}
