import GatewayModel
import ResponseCache
import Testing

@Suite struct CacheEligibilityTests {
    @Test(
        "a chat's body is kept when each choice that was asked for has ended well",
        arguments: [
            (#"{"choices":[{"finish_reason":"stop"}]}"#, 1, true),
            (#"{"choices":[{"finish_reason":"tool_calls"}]}"#, 1, true),
            (#"{"choices":[{"finish_reason":"length"}],"error":null}"#, 1, true),
            (#"{"choices":[{"finish_reason":"stop"},{"finish_reason":"length"}]}"#, 2, true),
            (#"{"choices":[{"finish_reason":"stop"}]}"#, 2, false), (#"{"choices":[]}"#, 0, false), ("{}", 1, false),
            (#"{"choices":[{"finish_reason":"content_filter"}]}"#, 1, false),
            (#"{"choices":[{"finish_reason":null}]}"#, 1, false), (#"{"choices":[{}]}"#, 1, false),
            (#"{"choices":[{"finish_reason":"stop"}],"error":{"message":"x"}}"#, 1, false),
            (#"{"choices":[{"finish_reason":"stop"}]"#, 1, false),
        ])
    func bodies(body: String, choices: Int64, isKept: Bool) {
        #expect(CacheEligibility.mayStore(Array(body.utf8), .chat, choices: choices) == isKept)
        #expect(CacheEligibility.mayStore(Array(body.utf8), .completion, choices: choices) == isKept)
    }

    @Test("embeddings are kept when there are any, images when they are in the answer itself")
    func others() {
        func mayStore(_ body: String, _ operation: Operation) -> Bool {
            CacheEligibility.mayStore(Array(body.utf8), operation, choices: 1)
        }
        #expect(mayStore(#"{"data":[{"embedding":[1]}]}"#, .embedding) && !mayStore(#"{"data":[]}"#, .embedding))
        #expect(mayStore(#"{"data":[{"b64_json":"aGk="}]}"#, .image))
        #expect(!mayStore(#"{"data":[{"url":"https://x/y"}]}"#, .image) && !mayStore(#"{"data":[]}"#, .image))
    }

    private static func event(_ reason: String, index: Int = 0) -> String {
        "data: {\"choices\":[{\"index\":\(index),\"delta\":{},\"finish_reason\":\(reason)}]}\n\n"
    }

    @Test(
        "a stream is kept when every choice has ended well, once or more, and nothing in it went wrong",
        arguments: [
            (event("null") + event("\"stop\""), 1, true),
            (event("\"stop\"") + "data: {\"choices\":[],\"usage\":{}}\n\n", 1, true),
            (event("\"stop\"") + event("\"tool_calls\"", index: 1), 2, true), (event("\"stop\""), 2, false),
            (event("null"), 1, false), ("", 1, false), (event("\"content_filter\""), 1, false),
            (event("\"stop\"") + "data: {\"error\":{\"message\":\"x\"}}\n\n", 1, false),
            (event("\"stop\"") + "data: nonsense\n\n", 1, false), (event("\"eos\""), 1, false),
        ])
    func streams(events: String, choices: Int64, isKept: Bool) {
        #expect(CacheEligibility.mayStore(events: Array(events.utf8), choices: choices) == isKept)
    }

    @Test("what is larger than the bound is not kept")
    func size() {
        let room = CachedResponse.contentBytesMax
        let end = #""}},{"finish_reason":"stop"}]}"#
        let body = #"{"choices":[{"finish_reason":"stop","message":{"content":""#
        let padding = String(repeating: "x", count: room - body.utf8.count - end.utf8.count)
        #expect(CacheEligibility.mayStore(Array((body + padding + end).utf8), .chat, choices: 2))
        #expect(!CacheEligibility.mayStore(Array((body + "x" + padding + end).utf8), .chat, choices: 2))
    }
}
