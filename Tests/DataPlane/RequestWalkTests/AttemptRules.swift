import RequestWalk

/// What holds of attempts and timers.
struct AttemptRules: WalkRules {
    var flaws: [WalkFlaw] = []

    mutating func willDo(_ action: WalkAction, _ facts: WalkFacts) {
        switch action {
        case .startAttempt(let request): start(request, facts)
        case .pauseAttempt(let number):
            require(.pausesBalance, isPaused(number, facts) == false, "attempt \(number) paused")
        case .resumeAttempt(let number):
            require(.pausesBalance, isPaused(number, facts) == true, "attempt \(number) resumed")
        case .restDeployment:
            let isWaiting = facts.inCharge?.isPaused == true && facts.eventIsSilence
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
        let isOver = !facts.settles.isEmpty || facts.isAnswered || facts.callerIsGone
        require(.noAttemptOutlivesTheRequest, !isOver, "attempt \(number) behind the end")
    }

    mutating func stepped(_ facts: WalkFacts) {
        guard !facts.isFinished, !facts.bodyIsDue, facts.questions == 0 else { return }
        var due: Set<WalkTimer> = [.total]
        if facts.scenario.streams, facts.inCharge?.isPaused == false {
            due.insert(facts.inCharge?.chunks.isEmpty == true ? .firstEvent : .idle)
        }
        let isBounded = !facts.running.isEmpty && due.isSubset(of: facts.timers)
        require(.everyWaitIsBounded, isBounded, "\(facts.running) run, bounded by \(facts.timers)")
    }

    /// `nil` when no such attempt runs.
    private func isPaused(_ number: Int, _ facts: WalkFacts) -> Bool? {
        facts.running.contains(number) ? facts.attempts[number - 1].isPaused : nil
    }

    mutating func ended(_ facts: WalkFacts) {
        require(.noAttemptOutlivesTheRequest, facts.running.isEmpty, "attempts \(facts.running) run on")
        require(.timersAreCancelled, facts.timers.isEmpty, "\(facts.timers) still set")
    }
}
