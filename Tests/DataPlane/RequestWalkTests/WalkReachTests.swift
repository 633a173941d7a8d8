import Admission
import GatewayModel
import RequestWalk
import ResponseCache
import Testing

/// States the random walks must reach, so that the properties are not checked only on easy paths.
private enum Place: CaseIterable {
    case streamCompleted, answerCompleted, streamBrokenInBand, errorBehindPing, pingThenFallbackThenData
    case threeAttempts, engineGivenUpForSilence, lateWords, ambiguousFailure
    case pausedAndResumed, blockedBeforeDispatch
    case leftWhileReceiving, leftWhileAdmitting, leftWhileDispatching, leftWhileRelaying
    case shutWhileReceiving, shutWhileAdmitting, shutWhileDispatching, shutWhileRelaying
    case totalDeadline, bodyBroken, bodyTooLarge, staleKeyReadAgain, admitUnanswered, refusedByLimiter
    case chargeClampedToHold, chargeBounded, readOn, readOnToUsage, bothAttemptsCharged, otherEndpointAnswered,
        withoutConfiguration
    case answerAtHandGiven, streamAtHandGiven, answerAtHandBehindRefusal, answerAtHandNotLetIn, streamAtHandBehindPing
    case begunAndAdmitted, begunAndRefused, beginRefused, beginUnanswered, leftAfterBeginning
    case answerKept, streamKept, leftWhileAskingTheCache
}

@Suite struct WalkReachTests {
    @Test("random walks come everywhere")
    func everywhere() {
        var visits: [Place: Int] = [:]
        for seed in 0..<12_000 {
            for place in Self.places(in: RandomWalk(seed: seed)) { visits[place, default: 0] += 1 }
        }
        for place in Place.allCases {
            #expect(visits[place, default: 0] >= 5, "\(place): \(visits[place] ?? 0) visits")
        }
    }

    private static func places(in walk: RandomWalk) -> Set<Place> {
        var facts = WalkFacts(walk.scenario)
        var places: Set<Place> = []
        for step in walk.steps where !facts.isFinished {
            places.formUnion(Self.places(at: step.event, facts))
            facts.saw(step.event)
            for action in step.actions {
                places.formUnion(Self.places(at: action, facts))
                facts.did(action)
            }
        }
        return places.union(Self.places(atTheEnd: facts))
    }

    private static func places(at event: WalkEvent, _ facts: WalkFacts) -> Set<Place> {
        switch event {
        case .clientGone where facts.beginIsOpen: [.leftAfterBeginning]
        case .beginAnswered(.verdict(.refused)): [.beginRefused]
        case .beginAnswered(.unavailable): [.beginUnanswered]
        case .admitAnswered(.verdict(.admitted)) where facts.beginIsOpen: [.begunAndAdmitted]
        case .admitAnswered(.verdict(.refused)) where facts.beginIsOpen: [.begunAndRefused]
        case .clientGone where facts.isAdmitted && facts.cacheIsAsked: [.leftWhileAskingTheCache]
        case .clientGone:
            [phase(facts, .leftWhileReceiving, .leftWhileAdmitting, .leftWhileDispatching, .leftWhileRelaying)]
        case .shutdown:
            [phase(facts, .shutWhileReceiving, .shutWhileAdmitting, .shutWhileDispatching, .shutWhileRelaying)]
        case .attemptBytes(let number, _): facts.running.contains(number) ? [] : [.lateWords]
        case .attemptFailed(_, .ambiguous): [.ambiguousFailure]
        case .clientReady: facts.inCharge?.isPaused == true ? [.pausedAndResumed] : []
        case .clientBlocked: facts.attempts.isEmpty ? [.blockedBeforeDispatch] : []
        case .timer(.total): [.totalDeadline]
        case .requestBroken: [.bodyBroken]
        case .admitAnswered(.verdict(.refused)) where facts.admit?.isForCachedResponse == true: [.answerAtHandNotLetIn]
        case .admitAnswered(.unavailable): [.admitUnanswered]
        case .admitAnswered(.verdict(let verdict)): verdict.isRefusal ? [.refusedByLimiter] : []
        default: []
        }
    }

    private static func phase(
        _ facts: WalkFacts, _ receiving: Place, _ admitting: Place, _ dispatching: Place, _ relaying: Place
    ) -> Place {
        if facts.dataIsWritten { return relaying }
        if !facts.attempts.isEmpty { return dispatching }
        return facts.admitIsOpen ? admitting : receiving
    }

    private static func places(at action: WalkAction, _ facts: WalkFacts) -> Set<Place> {
        switch action {
        case .startAttempt(let request): request.attempt == 3 ? [.threeAttempts] : []
        case .readOn: [.readOn]
        case .settle(let request) where facts.readsOn && request.text.contains(#""provider""#): [.readOnToUsage]
        case .settle: facts.attempts.count > 1 && facts.grownHold > .zero ? [.bothAttemptsCharged] : []
        case .cancelAttempt: facts.eventIsSilence ? [.engineGivenUpForSilence] : []
        case .lookUpKey(_, let fresh): fresh ? [.staleKeyReadAgain] : []
        case .respond(let response, _) where response.status == 413: [.bodyTooLarge]
        case .keepAnswer(_, let answer): [answer.isStream ? .streamKept : .answerKept]
        case .respondBytes where facts.isStream && !facts.dataIsWritten && facts.attempts.count > 1:
            [.pingThenFallbackThenData]
        default: []
        }
    }

    private static func places(atTheEnd facts: WalkFacts) -> Set<Place> {
        var places: Set<Place> = []
        if !facts.scenario.isChat, facts.status == 200 { places.insert(.otherEndpointAnswered) }
        if facts.scenario.deployments == 0, facts.status == 503 { places.insert(.withoutConfiguration) }
        guard facts.scenario.isChat, facts.isAnswered, facts.status == 200 else { return places }
        let hasError = facts.isStream && CallerStream(facts.written).hasError
        if facts.givesWhatIsAtHand {
            places.insert(facts.isStream ? .streamAtHandGiven : .answerAtHandGiven)
            if facts.admit?.isForCachedResponse == true { places.insert(.answerAtHandBehindRefusal) }
            if facts.written.starts(with: ": ping".utf8) { places.insert(.streamAtHandBehindPing) }
            return places
        }
        places.insert(!facts.isStream ? .answerCompleted : hasError ? .streamBrokenInBand : .streamCompleted)
        if hasError, !facts.somethingWasGiven { places.insert(.errorBehindPing) }
        let event = facts.settles.first?.text ?? ""
        if event.contains(#""bounded""#) { places.insert(.chargeClampedToHold) }
        if event.contains(#""bounded""#), !hasError { places.insert(.chargeBounded) }
        return places
    }
}

extension AdmitVerdict {
    fileprivate var isRefusal: Bool { if case .refused = self { true } else { false } }
}
