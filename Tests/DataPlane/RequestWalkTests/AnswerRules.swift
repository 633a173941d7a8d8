import RequestWalk

/// Rules for the answer as a whole: when it begins, its status, and that it ends once.
struct AnswerRules: WalkRules {
    var flaws: [WalkFlaw] = []

    mutating func willDo(_ action: WalkAction, _ facts: WalkFacts) {
        require(.nothingAfterTheEnd, !facts.isFinished, "\(action.name) after finished")
        switch action {
        case .respond(let response, _):
            require(.nothingAfterTheEnd, canBegin(facts), "a second answer")
            begins(status: response.status, facts)
        case .respondHead(let status, _):
            require(.nothingAfterTheEnd, canBegin(facts), "a second head")
            require(.statusWaitsForTheProvider, status == 200 && streamMayBegin(facts), "head \(status) too early")
        case .respondBytes, .respondEnd:
            let isOpen = facts.isStream && !facts.isAnswered && !facts.callerIsGone
            require(.nothingAfterTheEnd, isOpen, "\(action.name) outside of the answer")
        default: break
        }
    }

    private func canBegin(_ facts: WalkFacts) -> Bool {
        facts.status == nil && !facts.callerIsGone
    }

    private mutating func begins(status: Int, _ facts: WalkFacts) {
        guard facts.scenario.isChat else { return }
        let isWhole = !facts.scenario.streams && facts.inCharge?.answer != nil
        let isGood = status >= 400 || isWhole || facts.atHand != nil
        require(.statusWaitsForTheProvider, isGood, "\(status) without a whole answer")
        guard !facts.attempts.isEmpty else { return }
        require(.providerFaultsStayInside, ![401, 402, 403, 404].contains(status), "\(status) after dispatch")
        let isRedirect = (300..<400).contains(facts.inCharge?.status ?? 0)
        require(.providerFaultsStayInside, !isRedirect || status >= 500, "\(status) for a redirect")
    }

    private func streamMayBegin(_ facts: WalkFacts) -> Bool {
        guard facts.scenario.streams, facts.isAdmitted else { return false }
        if case .timer(.ping)? = facts.event { return true }
        guard let inCharge = facts.inCharge else { return facts.atHand != nil }
        return inCharge.isRunning && !inCharge.chunks.isEmpty
    }

    mutating func ended(_ facts: WalkFacts) {
        require(.everyCallerIsAnswered, facts.isFinished, "the walk does not end")
        require(.everyCallerIsAnswered, facts.isAnswered || facts.callerIsGone, "no complete answer")
    }
}

extension WalkAction {
    /// The name of the case without its payload.
    var name: Substring { String(describing: self).prefix { $0 != "(" } }
}
