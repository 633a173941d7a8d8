import Admission
import GatewayModel
import PlaneContract
import RequestWalk
import Testing

/// A stream without `max_tokens`, behind a provider that stops billing when closed.
///
/// The model may answer 10,000 tokens, at one nano-USD per input and two per output token. A token has at least one
/// byte; 256 may be in flight.
@Suite struct GrowthTests {
    private static let body = Array(
        #"{"model":"smart","stream":true,"messages":[{"role":"user","content":"hi"}]}"#.utf8)
    /// The hold for input: every byte may be a token, and a template may add to it.
    private static let input = Int64(body.count) + 256
    /// What a model of 1,000 tokens per second can produce in four seconds, plus those in flight.
    private static let sliceTokens: Int64 = 4_256
    private static let slice = input + 2 * sliceTokens
    private static let facts = LimitFacts(
        scope: "key", name: "usd_per_day", limit: "1", used: "0.5", reserved: "0.5", resetMs: 0)

    private func started(holding: Int64 = slice, left: Int64 = -1) -> Walker {
        var walker = Walker(maxOutputTokens: 10_000)
        walker.feed(.head(Walker.head()))
        walker.feed(.body(Self.body))
        walker.feed(.bodyEnd)
        walker.feed(.keyFound(.found(Walker.caller)))
        walker.feed(.admitAnswered(Walker.admission(holding: NanoUSD(holding), left: left)))
        walker.feed(.attemptHead(attempt: 1, status: 200, contentType: "text/event-stream", retryAfterMs: nil))
        return walker
    }

    /// Four bytes each.
    private func chunks(_ count: Int, _ walker: inout Walker) -> [WalkAction] {
        walker.feed(.attemptBytes(attempt: 1, Array(String(repeating: "data: \(Walker.text)\n\n", count: count).utf8)))
    }

    private func reports(_ actions: [WalkAction]) -> [Int64] {
        actions.compactMap { if case .reportProgress(let report) = $0 { report.hold.nano } else { nil } }
    }

    @Test("a slice is asked for, not all the model could say, and as little as makes sense is enough")
    func slice() {
        let walker = started()
        guard case .admit(let asked)? = walker.actions.first(where: { if case .admit = $0 { true } else { false } })
        else {
            Issue.record("nothing was asked for")
            return
        }
        #expect(asked.hold.nano == Self.slice && asked.holdMin.nano == Self.input + 2 * Estimate.outputTokensMin)
        #expect(asked.floorCost == asked.hold, "a worker that dies before it reports anything charges what it held")
    }

    @Test("where the bill runs on, all the model could say is held at once")
    func runsOn() {
        var walker = Walker(maxOutputTokens: 10_000, afterClose: .runsOn)
        walker.dispatch(Self.body)
        #expect(walker.askedHold.nano == Self.input + 2 * 10_000)
        walker.feed(.attemptHead(attempt: 1, status: 200, contentType: "text/event-stream", retryAfterMs: nil))
        #expect(reports(chunks(2_400, &walker)) == [], "there is nothing to grow")
    }

    @Test("more is asked for once, two seconds of output before the hold is used up, and the stream goes on")
    func grows() {
        var walker = started()
        // 2,000 bytes are at most 2,000 tokens.
        #expect(reports(chunks(499, &walker)) == [])
        #expect(reports(chunks(2, &walker)) == [Self.slice + 2 * Self.sliceTokens])
        #expect(reports(chunks(10, &walker)) == [], "asked already")
        walker.feed(.progressAnswered(.held(NanoUSD(Self.slice + 2 * Self.sliceTokens), reason: nil)))
        #expect(reports(chunks(500, &walker)) == [])
        #expect(!walker.walk.isFinished)
    }

    @Test("the last slice is what the model can say at most, and then nothing is asked for any more")
    func wholeBound() {
        var walker = started()
        let most = Self.input + 2 * 10_000
        for _ in 0..<4 {
            for hold in reports(chunks(900, &walker)) {
                walker.feed(.progressAnswered(.held(NanoUSD(hold), reason: nil)))
            }
        }
        let asked = reports(walker.actions)
        #expect(asked.max() == most && asked == asked.sorted() && Set(asked).count == asked.count)
        #expect(!walker.walk.isFinished)
    }

    @Test(
        "where the money ends, the answer ends as one that reached its limit, says why, and costs no more than is held")
    func ends() throws {
        var walker = started()
        _ = chunks(600, &walker)
        walker.feed(.progressAnswered(.held(NanoUSD(Self.slice), reason: Self.facts)))
        #expect(!walker.walk.isFinished, "what is held for is delivered")
        _ = chunks(450, &walker)
        #expect(walker.walk.isFinished && walker.written.hasSuffix("data: [DONE]\n\n"))
        #expect(walker.written.contains(#""finish_reason":"length""#) && walker.written.contains("budget_exhausted"))
        #expect(walker.written.contains(#""name":"usd_per_day""#))
        let settle = try #require(walker.settles.first)
        #expect(walker.settles.count == 1 && settle.cost.nano <= Self.slice && settle.cost.nano > 2 * 4_000)
    }

    @Test("at its end a stream waits for the limiter's word, holding the provider back, and goes on with it")
    func waits() {
        var walker = started()
        let actions = chunks(1_010, &walker)
        #expect(actions.contains { if case .pauseAttempt(1) = $0 { true } else { false } })
        let more = walker.feed(.progressAnswered(.held(NanoUSD(Self.slice + 2 * Self.sliceTokens), reason: nil)))
        #expect(more.contains { if case .resumeAttempt(1) = $0 { true } else { false } })
        #expect(!walker.walk.isFinished)
    }

    @Test("a stream whose hold is used up ends when the limiter cannot be asked: nothing is produced unheld")
    func endsWithoutTheLimiter() {
        var walker = started()
        _ = chunks(1_010, &walker)
        walker.feed(.progressAnswered(.unavailable))
        #expect(walker.walk.isFinished && walker.written.contains("limiter_unavailable"))
        #expect(walker.settles.first?.cost.nano ?? .max <= Self.slice)
    }

    @Test("thinking that does not pass grows the hold by time, before the first event too")
    func thinksUnseen() {
        var walker = Walker(maxOutputTokens: 100_000, thinks: true)
        walker.dispatch(Self.body)
        let first = walker.askedHold.nano
        #expect(first == Self.slice, "not all that could be thought")
        walker.now = 2_100
        let asked = reports(walker.feed(.timer(.progress)))
        #expect(asked.count == 1 && asked[0] > first, "2,100 tokens may have been thought, and 2,000 more may be")
        walker.feed(.progressAnswered(.held(NanoUSD(first), reason: Self.facts)))
        walker.now = 4_100
        walker.feed(.timer(.progress))
        #expect(!walker.walk.isFinished, "others may have settled since: asked once more")
        walker.feed(.progressAnswered(.held(NanoUSD(first), reason: Self.facts)))
        #expect(walker.walk.isFinished && walker.status == 402, "there is no money for more thinking")
        #expect(walker.settles.first?.cost.nano == first, "what may have been thought is charged")
    }

    @Test("while a slow reader holds the provider back, what it produces is counted by time")
    func countsBehindSlowReaders() {
        var walker = started()
        _ = chunks(10, &walker)
        walker.feed(.clientBlocked)
        walker.now = 1_000
        walker.feed(.clientGone)
        // 40 bytes were received, 1,000 tokens may have been produced since, and 256 are in flight.
        #expect(walker.settles.first?.cost.nano == Self.input + 2 * (40 + 1_000 + 256))
    }

    @Test("the provider is told the output limit that the money can pay for", arguments: [(0, 4_256), (2_000, 5_256)])
    func capped(left: Int64, limit: Int64) {
        let walker = started(left: left)
        let bodies = walker.actions.compactMap {
            if case .startAttempt(let request) = $0 { String(decoding: request.body, as: UTF8.self) } else { nil }
        }
        #expect(bodies.count == 1 && bodies[0].contains("\"max_tokens\":\(limit)"))
    }

    @Test("a running stream whose key changed goes on with the new record, and ends when that is revoked")
    func revoked() {
        var walker = started()
        _ = chunks(10, &walker)
        for (status, goesOn) in [(KeyRecord.Status.active, true), (.revoked, false)] {
            walker.feed(.timer(.progress))
            let asked = walker.feed(.progressAnswered(.stale))
            #expect(asked.contains { if case .lookUpKey(_, fresh: true) = $0 { true } else { false } })
            var record = Walker.record
            record.status = status
            walker.feed(.keyFound(.found(Caller(record))))
            #expect(walker.walk.isFinished == !goesOn)
        }
        #expect(walker.written.contains("invalid_api_key") && walker.written.hasSuffix("data: [DONE]\n\n"))
        #expect(walker.settles.count == 1 && walker.settles[0].cost.nano > 0, "what passed is charged")
    }
}
