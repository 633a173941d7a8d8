import Admission
import GatewayModel
import RequestWalk
import Testing

/// A provider that reports one number for five-minute and one-hour cache writes.
@Suite struct CacheHourTests {
    @Test(
        "what it wrote is charged as kept for an hour where the request may ask for that, however it is spelt",
        arguments: [#""1h""#, #""\u0031h""#, #""1\u0068""#, #""\u0031\u0068""#])
    func asked(ttl: String) { #expect(usage(ttl).contains(#""cacheWriteHour":40"#)) }

    @Test("and for five minutes where it does not", arguments: [#""5m""#, #""1hour""#, #""11h""#, #""1m","h":"h""#])
    func notAsked(ttl: String) {
        let usage = usage(ttl)
        #expect(usage.contains(#""cacheWrite":40"#) && !usage.contains("cacheWriteHour"))
    }

    @Test("what the provider says it bills decides where it is covered without")
    func said() {
        // 50 input tokens at 1 nano-USD and one output token at 2.
        #expect(!usage(#""1h""#, cost: "5.2e-8").contains("cacheWriteHour"))
        #expect(usage(#""1h""#, cost: "5.3e-8").contains(#""cacheWriteHour":40"#))
    }

    /// The event recorded for an answer that wrote 40 tokens to the cache.
    private func usage(_ ttl: String, cost: String? = nil) -> String {
        var walker = Walker()
        let mark = #"{"type":"ephemeral","ttl":\#(ttl)}"#
        let part = #"{"type":"text","text":"hi","cache_control":\#(mark)}"#
        walker.feed(.head(Walker.head()))
        walker.feed(.body(Array(#"{"model":"m","messages":[{"role":"user","content":[\#(part)]}]}"#.utf8)))
        walker.feed(.bodyEnd)
        walker.feed(.keyFound(.found(Walker.caller)))
        walker.feed(.admitAnswered(Walker.admission(holding: NanoUSD(1_000_000_000))))
        let details = #""prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":40}"#
        let said = cost.map { #","cost":\#($0)"# } ?? ""
        let usage = #"{"prompt_tokens":50,"completion_tokens":1,"total_tokens":51,\#(details)\#(said)}"#
        let choice = #"{"index":0,"message":{"role":"assistant","content":"four"},"finish_reason":"stop"}"#
        let answer = #"{"id":"c","object":"chat.completion","model":"real-1","choices":[\#(choice)],"usage":\#(usage)}"#
        walker.feed(.attemptHead(attempt: 1, status: 200, contentType: "application/json", retryAfterMs: nil))
        walker.feed(.attemptBytes(attempt: 1, Array(answer.utf8)))
        walker.feed(.attemptEnded(attempt: 1))
        return walker.settles.last.map { String(decoding: $0.event, as: UTF8.self) } ?? ""
    }
}
