import RequestWalk
import Routing

extension PlantedBug {
    /// Bugs a provider would see.
    static let attempts = [
        acts("a silent engine is not given up", breaks: .oneAttemptAtATime) { actions, facts in
            guard case .timer(.firstEvent)? = facts.event else { return actions }
            return actions.filter { !$0.isCancel }
        },
        replaces("a silent engine is waited for without end", breaks: .everyWaitIsBounded) { action, _ in
            if case .setTimer(.firstEvent, _) = action { [] } else { [action] }
        },
        replaces("a stream that falls silent is not noticed", breaks: .everyWaitIsBounded) { action, _ in
            if case .setTimer(.idle, _) = action { [] } else { [action] }
        },
        acts("an engine is asked once more", breaks: .threeAttemptsAtMost) { actions, facts in
            guard case .attemptEnded(3)? = facts.event, facts.running.isEmpty, facts.status == nil,
                facts.inCharge?.status != 200, !facts.isFinished
            else { return actions }
            return WalkAction.nextAttempt(facts)
        },
        acts("an engine runs on through a shutdown", breaks: .noAttemptOutlivesTheRequest) { actions, facts in
            facts.eventIsShutdown ? actions.filter { !$0.isCancel } : actions
        },
        acts("an engine runs on when the caller leaves", breaks: .noAttemptOutlivesTheRequest) { actions, facts in
            facts.eventIsClientGone ? actions.filter { !$0.isCancel } : actions
        },
        acts("an engine is given up only after the settle", breaks: .noAttemptOutlivesTheRequest) { actions, _ in
            actions.filter { !$0.isCancel } + actions.filter(\.isCancel)
        },
        replaces("an attempt starts behind the settle", breaks: .noAttemptOutlivesTheRequest) { action, facts in
            action.isSettle && facts.isAdmitted ? [action] + WalkAction.nextAttempt(facts) : [action]
        },
        acts("a broken stream is tried elsewhere", breaks: .noFallbackAfterData) { actions, facts in
            guard case .attemptFailed? = facts.event, facts.dataIsWritten, !facts.isFinished else { return actions }
            return WalkAction.nextAttempt(facts)
        },
        hears("a lost connection counts as never made", breaks: .nothingIsSentTwice) { event, _ in
            guard case .attemptFailed(let number, .ambiguous(let reason)) = event else { return event }
            return .attemptFailed(attempt: number, .notSent(reason))
        },
        replaces("an engine that cannot be reached is asked again", breaks: .onlyWhatDidNothingIsAskedAgain) {
            action, facts in
            guard case .startAttempt = action, facts.attempts.count == 1, facts.attempts[0].status == nil else {
                return [action]
            }
            return WalkAction.nextAttempt(facts)
        },
        replaces("nobody sets the time of a second try", breaks: .everyWaitIsBounded) { action, _ in
            if case .setTimer(.retry, _) = action { [] } else { [action] }
        },
        replaces("a caller who leaves is not told of", breaks: .everyAttemptIsToldOf) { action, _ in
            if case .noteAttempt(let report) = action, report.observation == .noVerdict { [] } else { [action] }
        },
        replaces("an engine is paused twice", breaks: .pausesBalance) { action, _ in
            if case .pauseAttempt = action { [action, action] } else { [action] }
        },
        replaces("an engine is never resumed", breaks: .pausesBalance) { action, _ in
            if case .resumeAttempt = action { [] } else { [action] }
        },
        replaces("an engine given up is paused", breaks: .pausesBalance) { action, _ in
            if case .cancelAttempt(let number) = action { [action, .pauseAttempt(number)] } else { [action] }
        },
        acts("a paused engine is given up for its silence", breaks: .slowReadersBlameNobody) { actions, facts in
            guard case .clientBlocked? = facts.event else { return actions }
            return actions.filter { if case .cancelTimer = $0 { false } else { true } }
        },
        replaces("the ping's timer is left behind", breaks: .timersAreCancelled) { action, _ in
            if case .cancelTimer(.ping) = action { [] } else { [action] }
        },
        replaces("a wait for money has no end", breaks: .everyWaitIsBounded) { action, _ in
            if case .setTimer(.money, _) = action { [] } else { [action] }
        },
        acts("a caller who leaves leaves the timers", breaks: .timersAreCancelled) { actions, facts in
            guard facts.eventIsClientGone else { return actions }
            return actions.filter { if case .cancelTimer = $0 { false } else { true } }
        },
    ]
}
