import Admission
import RequestWalk

extension PlantedBug {
    /// Bugs a caller would see.
    static let caller = [
        replaces("the answer is forgotten", breaks: .everyCallerIsAnswered) { action, _ in
            if case .respond = action { [] } else { [action] }
        },
        replaces("the walk never finishes", breaks: .everyCallerIsAnswered) { action, _ in
            if case .finished = action { [] } else { [action] }
        },
        replaces("a ping after the end", breaks: .nothingAfterTheEnd) { action, _ in
            if case .respondEnd = action { [action, .respondBytes(Array(": ping\n".utf8))] } else { [action] }
        },
        acts("a stream goes on for a caller who left", breaks: .nothingAfterTheEnd) { actions, facts in
            guard facts.eventIsClientGone, facts.isStream, !facts.isFinished else { return actions }
            return actions + [.respondBytes(Array("data: [DONE]\n\n".utf8)), .respondEnd(trailers: [])]
        },
        acts("an event after the end wakes the walk", breaks: .nothingAfterTheEnd) { actions, facts in
            facts.isFinished && facts.eventIsClientGone ? [.setTimer(.idle, afterMs: 1)] : actions
        },
        acts("an error is answered twice", breaks: .nothingAfterTheEnd) { actions, _ in
            actions.flatMap { action in if case .respond = action { [action, action] } else { [action] } }
        },
        acts("the head goes out with the provider's", breaks: .statusWaitsForTheProvider) { actions, facts in
            guard case .attemptHead(_, 200, _, _)? = facts.event, facts.scenario.streams, facts.status == nil else {
                return actions
            }
            return [.respondHead(status: 200, headers: HeaderBlock())] + actions
        },
        replaces("an answer is sent before it is whole", breaks: .statusWaitsForTheProvider) { action, facts in
            guard case .respond(var response, let close) = action, response.status == 502 else { return [action] }
            response.status = 200
            return [.respond(response, close: close)]
        },
        replaces("a provider's 401 is passed on", breaks: .providerFaultsStayInside) { action, facts in
            guard case .respond(var response, let close) = action, facts.inCharge?.status == 401 else {
                return [action]
            }
            response.status = 401
            return [.respond(response, close: close)]
        },
        rewrites("the name asked for is echoed", breaks: .modelIsHonest) { text, _ in
            text.replacing("reported-1", with: "smart")
        },
        rewrites("a chunk without a model stays so", breaks: .modelIsHonest) { text, _ in
            text.replacing(#","model":"real-1""#, with: "")
        },
        replaces("the ledger gets the name asked for", breaks: .modelIsHonest) { action, _ in
            guard case .settle(var request) = action else { return [action] }
            request.text = request.text.replacing(#""model":"re"#, with: #""model":"smart-"#)
            return [.settle(request)]
        },
        acts("the first chunk is lost behind the head", breaks: .relaysEachEventOnce) { actions, _ in
            let begins = actions.contains { if case .respondHead = $0 { true } else { false } }
            return begins ? actions.filter { if case .respondBytes = $0 { false } else { true } } : actions
        },
        rewrites("a chunk is sent twice", breaks: .relaysEachEventOnce) { text, _ in
            text.contains("a1w1") ? text + text : text
        },
        hears("late words of an engine given up are believed", breaks: .relaysEachEventOnce) { event, facts in
            guard case .attemptBytes(let number, let bytes) = event, let running = facts.running.last else {
                return event
            }
            return number < running ? .attemptBytes(attempt: running, bytes) : event
        },
        rewrites("usage nobody asked for is shown", breaks: .usageOnlyWhenAsked) { text, facts in
            guard facts.isStream, !facts.scenario.wantsUsage else { return text }
            return text.replacing(#","choices":[{"#, with: #","usage":{"prompt_tokens":1},"choices":[{"#)
        },
        rewrites("usage asked for is left out", breaks: .usageOnlyWhenAsked) { text, facts in
            facts.isStream && text.contains(#""choices":[]"#) ? "" : text
        },
        rewrites("an error in a stream ends without [DONE]", breaks: .streamsEndWithDone) { text, _ in
            text.contains(#"data: {"error""#) ? text.replacing("data: [DONE]\n\n", with: "") : text
        },
        rewrites("a cut stream ends like a whole one", breaks: .cutStreamsSaySo) { text, _ in
            text.contains(#"data: {"error""#) ? "data: [DONE]\n\n" : text
        },
        rewrites("[DONE] comes twice", breaks: .streamsEndWithDone) { text, _ in
            text == "data: [DONE]\n\n" ? text + text : text
        },
    ]
}
