import Admission
import FoundationEssentials
import GatewayModel
import RequestWalk
import Testing

@Suite struct RequestWalkTests {
    @Test("a plain answer passes with its model, its cost, and one settle")
    func plain() {
        var walker = Walker()
        walker.dispatch(stream: false)
        walker.feed(.attemptHead(attempt: 1, status: 200, contentType: "application/json", retryAfterMs: nil))
        let answer =
            #"{"model":"real","choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#
        walker.feed(.attemptBytes(attempt: 1, Array(answer.utf8)))
        walker.feed(.attemptEnded(attempt: 1))
        #expect(walker.status == 200 && walker.written == answer)
        #expect(walker.settles.count == 1 && walker.settles[0].cost.nano == 7 && walker.settles[0].target == .settled)
        #expect(walker.walk.isFinished)
    }

    @Test("a stream whose usage nobody asked for shows none; asked for, it comes last, with the cost")
    func usage() {
        for asked in [false, true] {
            var walker = Walker()
            walker.dispatch(stream: true, usage: asked)
            walker.stream(1, Walker.text, Walker.finish, Walker.usage, "[DONE]")
            let events = walker.written.components(separatedBy: "\n\n")
            #expect(walker.written.contains("\"usage\"") == asked)
            #expect(events.last == "" && events[events.count - 2] == "data: [DONE]")
            if asked { #expect(events[events.count - 3].contains(#""cost":0.000000007"#)) }
            #expect(walker.settles.map(\.cost.nano) == [7])
        }
    }

    @Test("fallback happens before the first byte and not after it")
    func fallback() {
        var walker = Walker()
        walker.dispatch(stream: true)
        walker.feed(.attemptHead(attempt: 1, status: 503, contentType: "text/html", retryAfterMs: nil))
        walker.feed(.attemptEnded(attempt: 1))
        #expect(walker.attempts == [1, 2] && walker.status == nil)
        walker.stream(2, Walker.text)
        #expect(walker.status == 200)
        walker.feed(.attemptFailed(attempt: 2, .ambiguous("reset")))
        #expect(
            walker.attempts == [1, 2] && walker.written.contains("upstream_interrupted")
                && walker.written.hasSuffix("data: [DONE]\n\n"))
        #expect(walker.settles.count == 1 && walker.settles[0].cost.nano > 0)
    }

    @Test("an error as first event of a 200 is a failed attempt")
    func errorFirst() {
        var walker = Walker()
        walker.dispatch(stream: true)
        walker.stream(1, #"{"error":{"message":"overloaded"}}"#)
        #expect(walker.attempts == [1, 2] && walker.status == nil)
    }

    @Test("a request that may have been received is never sent again")
    func ambiguous() {
        var walker = Walker()
        walker.dispatch(stream: false)
        walker.feed(.attemptFailed(attempt: 1, .ambiguous("closed")))
        #expect(walker.attempts == [1] && walker.status == 502)
        #expect(walker.settles.map(\.cost.nano) == [0])
    }

    @Test("a request nobody received goes to the next engine, and to none after the last")
    func notSent() {
        var walker = Walker()
        walker.dispatch(stream: false)
        walker.feed(.attemptFailed(attempt: 1, .notSent("refused")))
        walker.feed(.attemptFailed(attempt: 2, .notSent("refused")))
        #expect(walker.attempts == [1, 2] && walker.status == 502 && walker.settles.count == 1)
    }

    @Test("words of a cancelled attempt change nothing")
    func lateWords() {
        var walker = Walker()
        walker.dispatch(stream: true)
        walker.feed(.timer(.firstEvent))
        #expect(walker.attempts == [1], "what the silent one may be billed for is held first, beside the next")
        walker.grantHold()
        #expect(walker.attempts == [1, 2])
        walker.stream(1, Walker.text, Walker.finish, "[DONE]")
        #expect(walker.status == nil && walker.written.isEmpty)
    }

    @Test("silence is bridged with a comment, and fallback stays possible behind it")
    func ping() {
        var walker = Walker()
        walker.dispatch(stream: true)
        walker.feed(.timer(.ping))
        #expect(walker.status == 200 && walker.written == ": ping\n")
        walker.feed(.timer(.firstEvent))
        walker.grantHold()
        walker.stream(2, Walker.text, Walker.finish, "[DONE]")
        #expect(walker.written.hasPrefix(": ping\ndata: {") && walker.written.hasSuffix("data: [DONE]\n\n"))
    }

    @Test("an engine that waits for a slow reader is not blamed for its silence")
    func slowReader() {
        var walker = Walker()
        walker.dispatch(stream: true)
        walker.stream(1, Walker.text)
        walker.feed(.clientBlocked)
        // Data in flight when the caller stopped reading must not restart the idle timer.
        let actions = walker.feed(.attemptBytes(attempt: 1, Array("data: \(Walker.text)\n\n".utf8)))
        #expect(!actions.contains { if case .setTimer(.idle, _) = $0 { true } else { false } })
        let ready = walker.feed(.clientReady)
        #expect(ready.contains { if case .setTimer(.idle, _) = $0 { true } else { false } })
        #expect(!walker.walk.isFinished)
    }

    @Test("a stale key is read again once")
    func stale() {
        var walker = Walker()
        walker.feed(.head(Walker.head()))
        walker.feed(.body(Walker.body(stream: false)))
        walker.feed(.bodyEnd)
        walker.feed(.keyFound(.found(Walker.caller)))
        let again = walker.feed(.admitAnswered(.verdict(.stale)))
        guard case .lookUpKey(_, fresh: true)? = again.first else {
            Issue.record("no fresh look-up")
            return
        }
        walker.feed(.keyFound(.found(Walker.caller)))
        walker.feed(.admitAnswered(.verdict(.stale)))
        #expect(walker.status == 503 && walker.settles.isEmpty)
    }

    @Test("an unanswered admit is cancelled, whether or not it was carried out")
    func unanswered() {
        var walker = Walker()
        walker.feed(.head(Walker.head()))
        walker.feed(.body(Walker.body(stream: false)))
        walker.feed(.bodyEnd)
        walker.feed(.keyFound(.found(Walker.caller)))
        walker.feed(.admitAnswered(.unavailable))
        #expect(walker.status == 503 && walker.settles.map(\.target) == [.cancelled])
    }

    @Test("a request the limiter was never asked about leaves nothing to settle", arguments: [true, false])
    func neverAsked(isShed: Bool) {
        var walker = Walker()
        walker.feed(.head(Walker.head()))
        walker.feed(.body(Walker.body(stream: false)))
        walker.feed(.bodyEnd)
        walker.feed(.keyFound(.found(Walker.caller)))
        var error = GatewayError(.rateLimitExceeded, "Too many.", retryAfterMs: 700)
        error.isShed = true
        let actions = walker.feed(.admitAnswered(.notAsked(isShed ? error : nil)))
        #expect(walker.status == (isShed ? 429 : 503) && walker.settles.isEmpty)
        guard case .respond(let response, _)? = actions.first else {
            Issue.record("no answer")
            return
        }
        #expect(response.restMs == (isShed ? 700 : 0))
    }

    @Test(
        "a large body is not parsed before the limiter has let it begin, and nothing is left of it where it is refused")
    func begins() {
        for isLetIn in [true, false] {
            var walker = Walker()
            var head = Walker.head()
            head.contentLength = 70_000
            head.hasBody = true
            walker.feed(.head(head))
            let asked = walker.feed(.keyFound(.found(Walker.caller)))
            guard case .begin? = asked.first else {
                Issue.record("the limiter is not asked")
                return
            }
            walker.feed(.body([UInt8](repeating: 0x78, count: 70_000)))
            #expect(walker.feed(.bodyEnd).isEmpty)
            let rate = ["4", "5", "1", "requests_per_minute", "1", "1", "0", "900"]
            walker.feed(.beginAnswered(.verdict(isLetIn ? .begun : BeginVerdict(reply: rate))))
            // Once admitted, it turns out not to be JSON: the reservation is given back.
            #expect(walker.status == (isLetIn ? 400 : 429))
            #expect(walker.settles.map(\.target) == (isLetIn ? [.cancelled] : []))
        }
    }

    @Test("a body too large for a turn is parsed elsewhere, once, and goes on from there")
    func parsedAside() {
        for isGood in [true, false] {
            var walker = Walker()
            walker.parsesAtOnce = false
            walker.feed(.head(Walker.head()))
            walker.feed(.keyFound(.found(Walker.caller)))
            let text = String(repeating: "x", count: Bounds().bodyBytesParsedInTurnMax)
            let json = #"{"model":"m","messages":[{"role":"user","content":"\#(text)"}]"# + (isGood ? "}" : "")
            walker.feed(.body(Array(json.utf8)))
            walker.feed(.beginAnswered(.verdict(.begun)))
            let asked = walker.feed(.bodyEnd)
            guard case .parse(let body)? = asked.first, asked.count == 1 else {
                Issue.record("nothing is parsed elsewhere")
                return
            }
            #expect(walker.feed(.bodyEnd).isEmpty, "it is asked once")
            let then = walker.feed(.parsed(body.run()))
            let isAdmitted = then.contains { if case .admit = $0 { true } else { false } }
            #expect(isAdmitted == isGood && walker.status == (isGood ? nil : 400))
            #expect(walker.feed(.parsed(body.run())).isEmpty, "a second answer changes nothing")
        }
    }

    @Test("a request that is shed is refused before its body is parsed")
    func shedEarly() {
        var walker = Walker()
        walker.feed(.head(Walker.head()))
        walker.feed(.keyFound(.notAsked(GatewayError(.overloaded, "Too many.", retryAfterMs: 700))))
        walker.feed(.body(Array("not JSON".utf8)))
        walker.feed(.bodyEnd)
        #expect(walker.status == 503 && walker.settles.isEmpty)
    }

    @Test("a bad key is refused when its body has been read, without a look-up")
    func badKey() {
        var walker = Walker()
        #expect(walker.feed(.head(Walker.head("Bearer sk-hub-nope"))).isEmpty)
        walker.feed(.body([1, 2, 3]))
        #expect(walker.status == nil)
        walker.feed(.bodyEnd)
        #expect(walker.status == 401)
    }

    @Test("the charge never exceeds the hold")
    func clamped() {
        var walker = Walker()
        walker.dispatch(stream: false)
        walker.feed(.attemptHead(attempt: 1, status: 200, contentType: "application/json", retryAfterMs: nil))
        let answer =
            #"{"model":"m","choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":3000000,"completion_tokens":2}}"#
        walker.feed(.attemptBytes(attempt: 1, Array(answer.utf8)))
        walker.feed(.attemptEnded(attempt: 1))
        #expect(String(decoding: walker.settles[0].event, as: UTF8.self).contains(#""usageSource":"bounded""#))
        #expect(walker.settles[0].cost.nano < 1_000)
    }
}
