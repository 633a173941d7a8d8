import Admission
import GatewayModel
import RequestWalk
import Testing

@Suite struct DialectWalkTests {
    private static let start =
        #"{"type":"message_start","message":{"model":"claude","usage":{"input_tokens":3,"output_tokens":1}}}"#
    private static let block = #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#
    private static let text = #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"four"}}"#
    private static let end =
        #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#
    private static let stop = #"{"type":"message_stop"}"#
    private static let overloaded = #"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#

    @Test("a stream of Anthropic's becomes chunks, ends by itself and costs what was said last")
    func anthropic() {
        var walker = Walker(dialects: ["anthropic"])
        walker.dispatch(stream: true, usage: true)
        walker.stream(1, Self.start)
        #expect(walker.status == nil, "a beginning proves nothing")
        walker.stream(1, Self.block)
        #expect(walker.status == 200)
        walker.stream(1, Self.text, Self.end, Self.stop)
        #expect(walker.written.contains(#""content":"four""#) && walker.written.hasSuffix("data: [DONE]\n\n"))
        #expect(walker.written.contains(#""choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"#))
        #expect(walker.settles.map(\.cost.nano) == [3 + 2 * 2])
    }

    @Test("an end that does not say what the answer came to is charged by what came, not by what its beginning said")
    func withoutFinalUsage() {
        var walker = Walker(dialects: ["anthropic"])
        walker.dispatch(stream: true, usage: true)
        let end = Self.end.replacing(#","usage":{"output_tokens":2}"#, with: "")
        walker.stream(1, Self.start, Self.block, Self.text, end, Self.stop)
        #expect(walker.written.hasSuffix("data: [DONE]\n\n"))
        let cost = walker.settles.first?.cost.nano ?? 0
        #expect(cost >= 3 + 2 * 4, "a token a byte of the text at least")
    }

    @Test("an overload after a beginning is still a failed attempt")
    func overload() {
        var walker = Walker(dialects: ["anthropic", "openai"])
        walker.dispatch(stream: true)
        walker.stream(1, Self.start, Self.overloaded)
        #expect(walker.attempts == [1, 2] && walker.status == nil)
    }

    @Test("an end without its last word is none")
    func broken() {
        var walker = Walker(dialects: ["anthropic"])
        walker.dispatch(stream: true)
        walker.stream(1, Self.start, Self.block, Self.text)
        walker.feed(.attemptEnded(attempt: 1))
        #expect(walker.written.contains("upstream_interrupted") && walker.settles.count == 1)
    }

    @Test("what one engine cannot do goes to the next, and is said when none can")
    func unsupported() {
        let body = Array(#"{"model":"smart","n":2,"messages":[{"role":"user","content":"hi"}]}"#.utf8)
        var walker = Walker(dialects: ["anthropic", "openai"])
        walker.dispatch(body)
        #expect(walker.attempts == [2])
        var none = Walker(dialects: ["anthropic"])
        none.dispatch(body)
        #expect(none.attempts.isEmpty && none.status == 400 && none.written.contains(#""param":"n""#))
        #expect(none.settles.map(\.cost.nano) == [0])
    }

    @Test(
        "an error under a 200 counts as what it says, whether a stream was asked for or not", arguments: [true, false])
    func errorUnderSuccess(stream: Bool) {
        var walker = Walker()
        walker.dispatch(stream: stream)
        walker.feed(.attemptHead(attempt: 1, status: 200, contentType: "application/json", retryAfterMs: nil))
        walker.feed(.attemptBytes(attempt: 1, Array(#"{"code":"The service is unavailable","error":"no"}"#.utf8)))
        walker.feed(.attemptEnded(attempt: 1))
        #expect(walker.attempts == [1, 2] && walker.status == nil)
    }

    @Test("a wait that stands in the body is passed on")
    func wait() {
        var walker = Walker(fallbacks: 1)
        walker.dispatch(stream: false)
        walker.feed(.attemptHead(attempt: 1, status: 429, contentType: "application/json", retryAfterMs: nil))
        let body = #"{"error":{"message":"Slow down. Please try again in 1.5s."}}"#
        walker.feed(.attemptBytes(attempt: 1, Array(body.utf8)))
        walker.feed(.attemptEnded(attempt: 1))
        let waits = walker.actions.compactMap { action -> String? in
            if case .respond(let response, _) = action { response.headers["retry-after-ms"] } else { nil }
        }
        #expect(walker.status == 429 && waits == ["1500"])
    }
}
