import Admission
import GatewayModel
import PlaneContract
import RequestWalk
import Routing
import Testing

/// What follows each kind of failure: another deployment, the same one again, or an error for the caller.
@Suite struct AttemptTests {
    private func refuse(
        _ walker: inout Walker, _ attempt: Int, _ status: Int, retryAfterMs: Int64? = nil, _ body: String = ""
    )
        -> [WalkAction]
    {
        walker.feed(
            .attemptHead(attempt: attempt, status: status, contentType: "application/json", retryAfterMs: retryAfterMs))
        walker.feed(.attemptBytes(attempt: attempt, Array(body.utf8)))
        return walker.feed(.attemptEnded(attempt: attempt))
    }

    private static let answer =
        #"{"model":"real","choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#

    private func answer(_ walker: inout Walker, _ attempt: Int) {
        walker.feed(
            .attemptHead(attempt: attempt, status: 200, contentType: "application/json", retryAfterMs: nil))
        walker.feed(.attemptBytes(attempt: attempt, Array(Self.answer.utf8)))
        walker.feed(.attemptEnded(attempt: attempt))
    }

    private func started(_ fallbacks: Int, health: SharedHealthTable = SharedHealthTable()) -> Walker {
        var walker = Walker(fallbacks: fallbacks, health: health)
        walker.dispatch(stream: false)
        return walker
    }

    // MARK: The provider's own limit

    @Test(
        "429: the next engine at once; if all are limited, 429 with the shortest wait",
        arguments: [
            (1_000, 30_000, "1000"), (30_000, 400, "400"), (3_600_000, nil, "5000"), (3_600_000, 7_200_000, "60000"),
        ] as [(Int64?, Int64?, String)])
    func limited(first: Int64?, second: Int64?, shown: String) {
        var walker = started(2)
        _ = refuse(&walker, 1, 429, retryAfterMs: first)
        #expect(walker.attempts == [1, 2])
        _ = refuse(&walker, 2, 429, retryAfterMs: second)
        #expect(
            walker.attempts == [1, 2] && walker.status == 429 && walker.response?.headers["retry-after-ms"] == shown)
        #expect(
            walker.notes == [.failed(.rateLimited, retryAfterMs: first), .failed(.rateLimited, retryAfterMs: second)])
    }

    @Test("429 is said only when every engine was limited", arguments: [true, false])
    func partlyLimited(limitedFirst: Bool) {
        var walker = started(2)
        _ = refuse(&walker, 1, limitedFirst ? 429 : 401, retryAfterMs: 2_000)
        _ = refuse(&walker, 2, limitedFirst ? 401 : 429, retryAfterMs: 2_000)
        #expect(walker.status == 503)
    }

    // MARK: Retry on the same deployment

    @Test(
        "an engine that is alone and said it failed is asked once more, after a while", arguments: [500, 502, 503, 529])
    func retried(status: Int) {
        var walker = started(1)
        let actions = refuse(&walker, 1, status)
        #expect(walker.attempts == [1] && walker.status == nil)
        guard case .setTimer(.retry, let afterMs)? = actions.last else {
            Issue.record("no timer")
            return
        }
        #expect((50...250).contains(afterMs))
        walker.feed(.timer(.retry))
        #expect(walker.attempts == [1, 2])
        answer(&walker, 2)
        #expect(walker.status == 200 && walker.response?.headers["x-aihub-attempts"] == "2")
        #expect(walker.response?.headers["x-aihub-route"]?.hasPrefix("retry; after=") == true)
    }

    @Test("once, not twice")
    func retriedOnce() {
        var walker = started(1)
        _ = refuse(&walker, 1, 500)
        walker.feed(.timer(.retry))
        _ = refuse(&walker, 2, 500)
        #expect(walker.attempts == [1, 2] && walker.status == 502 && walker.settles.count == 1)
    }

    @Test("what another engine could do is not asked of the same")
    func othersFirst() {
        var walker = started(3)
        for attempt in 1...3 { _ = refuse(&walker, attempt, 500) }
        #expect(walker.attempts == [1, 2, 3] && walker.status == 502)
    }

    @Test("no second try for what may have been received, or was never sent, or is the operator's")
    func notRetried() {
        for failure in [TransportFailure.ambiguous("reset"), .notSent("refused"), .insecure("bad certificate")] {
            var walker = started(1)
            walker.feed(.attemptFailed(attempt: 1, failure))
            #expect(walker.attempts == [1] && walker.walk.isFinished, "\(failure)")
        }
        for status in [204, 206, 302, 400, 401, 402, 404, 429, 999] {
            var walker = started(1)
            _ = refuse(&walker, 1, status)
            #expect(walker.attempts == [1] && walker.walk.isFinished, "\(status)")
        }
        var walker = started(1)
        _ = refuse(&walker, 1, 503, retryAfterMs: 3_000)
        #expect(walker.attempts == [1] && walker.status == 503, "it asked for more patience than a request has")
    }

    @Test("second tries end with the budget")
    func budget() {
        let health = SharedHealthTable()
        let retried = (0..<20).count { _ in
            var walker = started(1, health: health)
            return !refuse(&walker, 1, 500).allSatisfy { if case .setTimer(.retry, _) = $0 { false } else { true } }
        }
        #expect(retried == RetryBudget.initial)
    }

    @Test("a caller who leaves before the second try is settled, and nothing is sent")
    func leaves() {
        var walker = started(1)
        _ = refuse(&walker, 1, 500)
        walker.feed(.clientGone)
        walker.feed(.timer(.retry))
        #expect(walker.attempts == [1] && walker.settles.count == 1)
    }

    // MARK: A connection that breaks

    @Test("a connection gone stale is told and charged to nobody, and nothing is sent again")
    func stale() {
        var walker = started(3)
        walker.feed(.attemptFailed(attempt: 1, .ambiguous("connection reset")))
        #expect(walker.attempts == [1] && walker.status == 502 && walker.settles.map(\.cost.nano) == [0])
        #expect(walker.notes == [.failed(.transient, retryAfterMs: nil)])
    }

    @Test("an engine that breaks off a stream is out at once: its caller could not be helped, the next is")
    func brokenStream() throws {
        let health = SharedHealthTable()
        var walker = Walker(health: health)
        walker.dispatch(stream: true)
        walker.stream(1, Walker.text)
        walker.feed(.attemptFailed(attempt: 1, .ambiguous("reset")))
        #expect(walker.notes == [.firstToken(afterMs: 0), .failed(.streamBroken, retryAfterMs: nil)])
        for case .startAttempt(let request) in walker.actions {
            health.began(request.target, for: request.key, streams: true, isFirst: true, atMs: 0)
        }
        for case .noteAttempt(let report) in walker.actions { health.record(report, atMs: 0) }
        var next = Walker(health: health)
        next.dispatch(stream: true)
        #expect(next.deployments == ["d2"])
    }

    // MARK: Too long for one model

    private static func model(_ name: String, window: Int64) -> ModelEntry {
        ModelEntry(
            name: name, vendor: "v", kind: "chat", created: 0, contextWindow: window, maxOutputTokens: 100,
            vision: false,
            tools: true, wantsMaxCompletionTokens: false, firstEventMs: 1_000, idleMs: 500,
            prices: [
                Price(
                    id: 7, effectiveFromMs: 0, input: 1_000_000, cacheRead: 1_000_000, cacheWrite: 1_000_000,
                    output: 2_000_000, reasoning: 2_000_000)
            ])
    }

    private static func windows(_ sizes: [Int64]) -> RoutingTable {
        RoutingTable(
            GatewaySnapshot(
                version: 1,
                providers: [ProviderEntry(id: "p", dialect: "openai", baseURL: "http://p/v1", allowedNetworks: [])],
                credentials: [], models: sizes.map { model("w\($0)", window: $0) },
                deployments: sizes.map {
                    DeploymentEntry(
                        id: "d\($0)", model: "w\($0)", provider: "p", credential: nil, upstreamModel: "m", order: 0,
                        weight: 1)
                },
                aliases: [
                    AliasEntry(
                        name: "smart", needsVision: false,
                        candidates: sizes.enumerated().map { .init(model: "w\($1)", order: $0, weight: 1) })
                ])
        ) { _ in nil }
    }

    @Test("what is too long for one model goes to one with a larger window, and to no other")
    func tooLong() {
        let words = #"{"error":{"message":"maximum context length is 8000 tokens"}}"#
        var walker = Walker(table: Self.windows([8_000, 4_000, 32_000]))
        walker.dispatch(stream: false)
        _ = refuse(&walker, 1, 400, words)
        #expect(walker.deployments == ["d8000", "d32000"])
        answer(&walker, 2)
        #expect(walker.status == 200 && walker.notes.first == .noVerdict)
        var last = Walker(table: Self.windows([32_000, 8_000]))
        last.dispatch(stream: false)
        _ = refuse(&last, 1, 400, words)
        #expect(last.attempts == [1] && last.status == 400)
    }

    // MARK: The caller's error

    @Test("an answer says who gave it, and why it was he")
    func headers() {
        var walker = started(2)
        _ = refuse(&walker, 1, 503)
        answer(&walker, 2)
        let headers = walker.response?.headers
        #expect(headers?["x-aihub-model-requested"] == "smart" && headers?["x-aihub-deployment"] == "d2")
        #expect(headers?["x-aihub-attempts"] == "2")
        #expect(headers?["x-aihub-route"] == "fallback; after=overloaded; first=rank")
        #expect(headers?["access-control-expose-headers"]?.contains("x-aihub-deployment") == true)
    }

    @Test("trailers and CORS fields are for callers who can use them")
    func politeness() {
        for isAsked in [true, false] {
            var walker = Walker()
            var head = Walker.head()
            head.hasOrigin = isAsked
            head.acceptsTrailers = isAsked
            walker.dispatch(stream: true, head: head)
            walker.stream(1, Walker.text, Walker.finish, "[DONE]")
            let said = walker.actions.compactMap { action -> (HeaderBlock)? in
                if case .respondHead(_, let headers) = action { headers } else { nil }
            }
            let trailers = walker.actions.compactMap { action -> [String]? in
                if case .respondEnd(let trailers) = action { trailers.map(\.0) } else { nil }
            }
            #expect(said.map { $0["trailer"] != nil } == [isAsked])
            #expect(said.map { $0["access-control-allow-origin"] != nil } == [isAsked])
            #expect(trailers == [isAsked ? ["x-aihub-cost-usd"] : []])
        }
    }

    @Test("a 400 that only sounds like the operator's fault goes to the next deployment, and is told of none")
    func perhapsOperator() {
        let words = #"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: x"}"#
        var walker = started(2)
        _ = refuse(&walker, 1, 400, words)
        #expect(walker.attempts == [1, 2] && walker.notes == [.noVerdict])
        answer(&walker, 2)
        #expect(walker.status == 200)
        var alone = started(1)
        _ = refuse(&alone, 1, 400, words)
        #expect(alone.attempts == [1] && alone.status == 400, "and with none left it is the caller's")
    }

    @Test("a caller who leaves a stream early leaves nothing waiting")
    func leavesEarly() {
        let health = SharedHealthTable()
        for _ in 0..<10 {
            var walker = Walker(health: health)
            walker.dispatch(stream: true)
            for case .startAttempt(let request) in walker.actions {
                health.began(request.target, for: request.key, streams: request.streams, isFirst: true, atMs: 0)
            }
            walker.feed(.clientGone)
            for case .noteAttempt(let report) in walker.actions {
                #expect(report.streams && report.wasWaiting)
                health.record(report, atMs: 0)
            }
        }
        #expect(health.snapshot.deployments.values.allSatisfy { $0.firstTokenMs(atMs: 100_000) == nil })
    }

    @Test("callers' faults say nothing about an engine")
    func callersFaults() {
        var walker = started(1)
        _ = refuse(&walker, 1, 400, #"{"error":{"message":"bad temperature"}}"#)
        #expect(walker.status == 400 && walker.notes == [.noVerdict])
    }

    @Test("a stream tells of its first token, then of its speed")
    func streams() {
        var walker = Walker()
        walker.dispatch(stream: true)
        walker.now = 70
        walker.stream(1, Walker.text)
        walker.now = 170
        walker.stream(1, Walker.finish, Walker.usage, "[DONE]")
        #expect(walker.notes == [.firstToken(afterMs: 70), .streamed(tokens: 2, overMs: 100)])
    }
}

extension Walker {
    var notes: [AttemptObservation] {
        actions.compactMap { if case .noteAttempt(let report) = $0 { report.observation } else { nil } }
    }
    var deployments: [String] {
        actions.compactMap { if case .startAttempt(let request) = $0 { request.target.deployment.id } else { nil } }
    }
    var response: Response? {
        actions.compactMap { if case .respond(let response, _) = $0 { response } else { nil } }.first
    }
}
