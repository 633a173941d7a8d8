import Admission
import GatewayModel
import RequestWalk
import ResponseCache

extension PlantedBug {
    /// Bugs around cached answers.
    static let cache = [
        acts("an answer at hand is given before the limiter has spoken", breaks: .answersAtHandNeedAdmission) {
            actions, facts in
            guard case .cacheAnswered(.hit(let answer))? = facts.event, !facts.isAdmitted, facts.status == nil,
                !facts.isFinished
            else { return actions }
            return [.respond(Response(status: 200, headers: HeaderBlock(), body: answer.content), close: false)]
        },
        hears("an answer at hand is not noticed", breaks: .noEngineIsAskedForAnswersAtHand) { event, _ in
            if case .cacheAnswered(.hit) = event { .cacheAnswered(.miss) } else { event }
        },
        rewrites("an answer at hand is altered", breaks: .answersAtHandAreExact) { text, _ in
            text.replacing("kept-model", with: "other-model")
        },
        settles("an answer at hand is charged", breaks: .answersAtHandAreFree) { $0.cost = NanoUSD(77) },
        settles("an answer at hand uses a unit of the day", breaks: .answersAtHandAreFree) {
            $0.refundsRequest = false
        },
        settles("an answer at hand leaves the minute", breaks: .answersAtHandAreFree) { $0.countsInMinute = false },
        settles("an answer at hand is filed as nothing saved", breaks: .answersAtHandAreFree) { request in
            request.text = request.text.replacing(#""saved":77"#, with: #""saved":0"#)
        },
        replaces("a broken stream is kept", breaks: .onlyWholeAnswersAreKept) { action, facts in
            guard case .settle(let request) = action, facts.isStream, request.text.contains(#""failed""#) else {
                return [action]
            }
            var answer = Fixture.cached(streams: true)
            answer.content = facts.writtenEvents
            return [.keepAnswer(key, answer), action]
        },
        replaces("what is kept is not what was given", breaks: .onlyWholeAnswersAreKept) { action, _ in
            guard case .keepAnswer(let key, var answer) = action else { return [action] }
            answer.content.removeLast()
            return [.keepAnswer(key, answer)]
        },
    ]

    private static let key = CacheSecrets(secret: [1]).key(org: "o", .chat, body: [], definition: [])

    /// Changes the settle request of a cached answer.
    private static func settles(
        _ name: String, breaks: WalkProperty, _ change: @escaping @Sendable (inout SettleRequest) -> Void
    ) -> PlantedBug {
        replaces(name, breaks: breaks) { action, _ in
            guard case .settle(var request) = action, request.text.contains(#""saved""#) else { return [action] }
            change(&request)
            return [.settle(request)]
        }
    }
}
