import PlaneContract
import RequestWalk
import Routing

/// Rules for attempts and timers.
struct AttemptRules: WalkRules {
    var flaws: [WalkFlaw] = []

    mutating func willDo(_ action: WalkAction, _ facts: WalkFacts) {
        switch action {
        case .startAttempt(let request): start(request, facts)
        case .pauseAttempt(let number):
            require(.pausesBalance, isPaused(number, facts) == false, "attempt \(number) paused")
        case .resumeAttempt(let number):
            require(.pausesBalance, isPaused(number, facts) == true, "attempt \(number) resumed")
        case .noteAttempt(let report):
            let isWaiting = facts.inCharge?.isPaused == true && facts.eventIsSilence && report.observation.isFailure
            require(.slowReadersBlameNobody, !isWaiting, "a paused engine was given up")
        case .settle:
            require(.noAttemptOutlivesTheRequest, facts.running.isEmpty, "attempts \(facts.running) run at settle")
        default: break
        }
    }

    private mutating func start(_ request: UpstreamRequest, _ facts: WalkFacts) {
        let number = facts.attempts.count + 1
        require(.threeAttemptsAtMost, number <= 3 && request.attempt == number, "attempt \(request.attempt)")
        require(.oneAttemptAtATime, facts.running.isEmpty, "\(facts.running) still run")
        require(.noFallbackAfterData, !facts.dataIsWritten, "attempt \(number) behind data")
        let maybeReceived = facts.attempts.contains { $0.mayHaveBeenReceived }
        require(.nothingIsSentTwice, !maybeReceived, "attempt \(number) after an ambiguous one")
        require(.onlyTheAdmittedAreDispatched, facts.isAdmitted, "attempt \(number) without admission")
        if let before = facts.attempts.last(where: { $0.deployment == request.target.deployment.id }) {
            let isOnce = facts.attempts.count { $0.deployment == before.deployment } == 1
            let didNothing = before.endedWell && (400..<600).contains(before.status ?? 0) && !before.isRunning
            require(.onlyWhatDidNothingIsAskedAgain, isOnce && didNothing, "\(before.deployment) asked again")
        }
        let isOver = !facts.settles.isEmpty || facts.isAnswered || facts.callerIsGone
        require(.noAttemptOutlivesTheRequest, !isOver, "attempt \(number) behind the end")
    }

    mutating func stepped(_ facts: WalkFacts) {
        guard !facts.isFinished, !facts.bodyIsDue, facts.questions == 0 else { return }
        if facts.readsOn || facts.running.isEmpty && facts.reportsDue > 0 {
            let isBounded = facts.timers.contains(.total) && (!facts.readsOn || !facts.running.isEmpty)
            return require(.everyWaitIsBounded, isBounded, "read on or waiting for a hold without a deadline")
        }
        if facts.admit != nil, !facts.isAdmitted {
            let isBounded =
                facts.timers.isSuperset(of: [.total, .money]) && facts.admitsAsked < WalkFacts.admitsAskedMax
            return require(.everyWaitIsBounded, isBounded, "waits for money, bounded by \(facts.timers)")
        }
        var due: Set<WalkTimer> = [.total]
        if facts.running.isEmpty, facts.attempts.last?.endedWell == true {
            let isBounded = facts.timers.isSuperset(of: [.total, .retry])
            return require(.everyWaitIsBounded, isBounded, "waits for a second try, bounded by \(facts.timers)")
        }
        if facts.scenario.streams, facts.inCharge?.isPaused == false {
            due.insert(facts.inCharge?.chunks.isEmpty == true ? .firstEvent : .idle)
        }
        let isBounded = !facts.running.isEmpty && due.isSubset(of: facts.timers)
        require(.everyWaitIsBounded, isBounded, "\(facts.running) run, bounded by \(facts.timers)")
    }

    /// `nil` unless such an attempt is running.
    private func isPaused(_ number: Int, _ facts: WalkFacts) -> Bool? {
        facts.running.contains(number) ? facts.attempts[number - 1].isPaused : nil
    }

    mutating func ended(_ facts: WalkFacts) {
        require(.noAttemptOutlivesTheRequest, facts.running.isEmpty, "attempts \(facts.running) run on")
        let ends = facts.notes.filter { if case .firstToken = $0.observation { false } else { true } }.map(\.deployment)
        require(
            .everyAttemptIsToldOf, ends == facts.attempts.map(\.deployment),
            "of \(facts.attempts.map(\.deployment)) told \(ends)")
        require(.timersAreCancelled, facts.timers.isEmpty, "\(facts.timers) still set")
    }
}

extension AttemptObservation {
    var isFailure: Bool { if case .failed = self { true } else { false } }
}
