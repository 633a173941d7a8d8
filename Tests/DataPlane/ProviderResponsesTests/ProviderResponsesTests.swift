import GatewayModel
import JSONScan
import ProviderResponses
import Testing

@Suite struct OpenAIUsageTests {
    private func read(_ json: String, of operation: GatewayModel.Operation = .chat) throws -> TokenUsage? {
        let bytes = Array(#"{"usage":"#.utf8) + Array(json.utf8) + Array("}".utf8)
        let place = try JSONScanner.members(of: bytes)[0].value
        return bytes.withJSON { OpenAIUsage.read(JSONView($0, place), of: operation) }
    }

    @Test("makes the counters disjoint")
    func disjoint() throws {
        let usage = try read(
            #"{"prompt_tokens":100,"completion_tokens":30,"prompt_tokens_details":{"cached_tokens":64,"cache_write_tokens":6},"completion_tokens_details":{"reasoning_tokens":10}}"#
        )
        #expect(usage == TokenUsage(input: 30, cacheRead: 64, cacheWrite: 6, output: 20, reasoning: 10))
        #expect(try read(#"{"prompt_tokens":5,"completion_tokens":0,"prompt_tokens_details":null}"#)?.total == 5)
    }

    @Test("images are told in other words")
    func images() throws {
        let usage = try read(
            #"{"input_tokens":50,"output_tokens":4160,"total_tokens":4210,"input_tokens_details":{"text_tokens":30,"image_tokens":20,"cached_tokens":10}}"#,
            of: .image)
        #expect(usage == TokenUsage(input: 20, imageInput: 20, cacheRead: 10, output: 4160))
        let bare = try read(#"{"input_tokens":50,"output_tokens":7}"#, of: .image)
        #expect(bare == TokenUsage(input: 50, output: 7))
        for bad in [
            #"{"prompt_tokens":50,"completion_tokens":7}"#, #"{"input_tokens":0,"output_tokens":0}"#,
            #"{"input_tokens":5,"output_tokens":7,"input_tokens_details":{"image_tokens":6}}"#,
            #"{"input_tokens":5,"output_tokens":-7}"#,
        ] { #expect(try read(bad, of: .image) == nil) }
    }

    @Test(
        "refuses what cannot be charged",
        arguments: [
            "null", "{}", "[]", #"{"prompt_tokens":5}"#, #"{"prompt_tokens":-5,"completion_tokens":1}"#,
            #"{"prompt_tokens":"5","completion_tokens":1}"#, #"{"prompt_tokens":1e308,"completion_tokens":1}"#,
            #"{"prompt_tokens":9223372036854775807,"completion_tokens":1}"#,
            #"{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":6}}"#,
            #"{"prompt_tokens":5,"completion_tokens":1,"completion_tokens_details":{"reasoning_tokens":2}}"#,
        ])
    func refuses(json: String) throws { #expect(try read(json) == nil) }
}

@Suite struct ChatChunkTests {
    private func chunk(_ json: String) throws -> ChatChunk { try ChatChunk(Array(json.utf8)) }

    @Test("counts deltas that carry something")
    func counts() throws {
        let text = try chunk(
            #"{"model":"m","choices":[{"delta":{"content":"four"}},{"delta":{"role":"assistant","content":""}}]}"#)
        #expect(text.contentDeltas == 1 && text.contentBytes == 4 && text.model == "m" && text.hasChoices)
        let reasoning = try chunk(#"{"choices":[{"delta":{"reasoning_content":"hmm"}}]}"#)
        #expect(reasoning.contentDeltas == 1)
        let tool = try chunk(#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}}]}"#)
        #expect(tool.contentDeltas == 1 && tool.contentBytes == 3 + 12)
    }

    @Test("sees errors, ends and usage")
    func sees() throws {
        #expect(try chunk(#"{"error":{"message":"no"}}"#).errorMessage == "no")
        #expect(try chunk(#"{"error":null,"choices":[]}"#).errorMessage == nil)
        let end = try chunk(#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":null}"#)
        #expect(end.hasFinish && end.hasUsageMember && end.usage == nil)
        #expect(
            try chunk(#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#).usage?.tokens.total == 3)
        #expect(try chunk(#"{"choices":null}"#).hasChoices == false)
        #expect(throws: JSONError.self) { try chunk("nonsense") }
    }
}

@Suite struct ProviderFailureTests {
    private func failure(_ status: Int, _ message: String = "") -> ProviderFailure {
        ProviderFailure(status: status, body: Array(#"{"error":{"message":"\#(message)"}}"#.utf8))
    }

    @Test("never blames the caller for the operator's account", arguments: [401, 402, 403])
    func operatorFault(status: Int) { #expect(failure(status) == .operatorFault) }

    private func failure(_ status: Int, json: String) -> ProviderFailure {
        ProviderFailure(status: status, body: Array(json.utf8))
    }

    @Test("tells an empty account from a rate limit by its code, never by its message")
    func quota() {
        #expect(failure(429, json: #"{"error":{"message":"x","code":"insufficient_quota"}}"#) == .operatorFault)
        #expect(failure(429, json: #"{"error":{"message":"x","type":"insufficient_quota"}}"#) == .operatorFault)
        #expect(failure(429, "slow down") == .rateLimited)
        #expect(failure(429, "insufficient_quota") == .rateLimited)
    }

    @Test("knows a full context and refused content by their words")
    func context() {
        #expect(
            failure(400, "maximum context length is 8192") == .contextLength(message: "maximum context length is 8192"))
        #expect(failure(400, "bad thing") == .clientFault(message: "bad thing"))
        #expect(failure(400, "content_policy_violation") == .contentPolicy(message: "content_policy_violation"))
        #expect(failure(403, "input is too long") == .contextLength(message: "input is too long"))
    }

    @Test(
        "a caller's words, repeated in a message, are never the operator's fault",
        arguments: [
            "invalid api key", "invalid_api_key", "API key not valid", "api_key_invalid", "incorrect api key provided",
            "insufficient_quota", "exceeded your current quota", "your credit balance is too low", "Arrearage",
            "FAILED_PRECONDITION", "spend limit", "PerDay", "authentication_error", "tool_use_failed",
        ], [400, 413, 422])
    func echoed(phrase: String, status: Int) {
        let shapes = [
            #"{"error":{"message":"Invalid value: '\#(phrase)'. Supported values are: 'low'.","param":"verbosity","code":"invalid_value"}}"#,
            #"{"error":{"message":"'\#(phrase)' is not one of ['low']","type":"BadRequestError","param":null,"code":400}}"#,
            #"{"error":{"message":"\#(phrase)","param":"user","code":null,"type":"invalid_request_error"}}"#,
            #"{"error":{"message":"no","param":"\#(phrase)","type":"invalid_request_error","code":"unknown_parameter"}}"#,
            #"{"error":{"message":"no","type":"invalid_request_error","code":"unknown value \#(phrase)"}}"#,
            #"{"object":"error","message":"bad \#(phrase)","type":"invalid_request_error","code":"3230"}"#,
            #"{"detail":[{"loc":["body","\#(phrase)"],"msg":"input \#(phrase)","type":"extra_forbidden"}]}"#,
            #"{"code":"Client specified an invalid argument","error":"Argument not supported: \#(phrase)"}"#,
            #"{"error":{"code":400,"message":"Provider returned error","metadata":{"raw":"{\"code\":\"\#(phrase)\"}"}}}"#,
            #"[{"error":{"code":400,"message":"got \#(phrase)","status":"INVALID_ARGUMENT"}}]"#,
        ]
        for shape in shapes {
            let found = failure(status, json: shape)
            guard case .clientFault = found else {
                Issue.record("\(found): \(shape)")
                continue
            }
        }
    }

    @Test("codes are, wherever the vendor has them")
    func codes() {
        for body in [
            #"{"error":{"message":"x","code":"invalid_api_key"}}"#,
            #"{"error":{"message":"x","type":"billing_error"}}"#,
            #"{"error":{"message":"x","details":[{"reason":"API_KEY_INVALID"}]}}"#,
            #"[{"error":{"code":400,"message":"x","status":"FAILED_PRECONDITION"}}]"#,
            #"{"error":{"message":"x","type":"Arrearage","code":"Arrearage"}}"#,
            #"{"code":"The request does not have valid authentication credentials","error":"x"}"#,
        ] { #expect(failure(400, json: body) == .operatorFault, "\(body)") }
        #expect(failure(400, json: #"{"error":{"message":"x","code":"tool_use_failed"}}"#) == .transient)
    }

    @Test("an operator's fault that is said in the first words alone moves the request on, and judges nobody")
    func perhaps() {
        let key = #"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: x"}"#
        #expect(failure(400, json: key) == .possibleOperatorFault(message: "Incorrect API key provided: x"))
        let credit = #"{"error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#
        #expect(failure(400, json: credit) == .possibleOperatorFault(message: "Your credit balance is too low"))
    }

    @Test(
        "inside a success codes decide as well",
        arguments: [
            (#"{"error":{"message":"authentication billing rate limit overloaded not_found"}}"#, .transient),
            (#"{"error":{"message":"x","type":"overloaded_error"}}"#, .overloaded),
            (#"{"error":{"message":"permission","code":429}}"#, .rateLimited),
            (#"{"error":{"message":"x","type":"authentication_error"}}"#, .operatorFault),
            (
                #"{"error":{"message":"overloaded","type":"invalid_request_error"}}"#,
                .clientFault(message: "overloaded")
            ),
            (
                #"{"error":{"message":"the context window is full"}}"#,
                .contextLength(message: "the context window is full")
            ),
        ] as [(String, ProviderFailure)])
    func inBand(body: String, means: ProviderFailure) {
        #expect(ProviderRefusal(inBand: Array(body.utf8)).failure == means)
    }

    @Test("a wait in the message is the caller's, a wait in a member is the deployment's")
    func waits() {
        let words = ProviderRefusal(status: 429, body: Array(#"{"error":{"message":"try again in 50s"}}"#.utf8))
        #expect(words.waitMs == nil && words.waitInMessageMs == 50_000)
        let member = ProviderRefusal(
            status: 429, body: Array(#"{"error":{"message":"x","details":[{"retryDelay":"2s"}]}}"#.utf8))
        #expect(member.waitMs == 2_000 && member.waitInMessageMs == nil)
    }

    @Test("bodies that are no JSON do not disturb", arguments: ["<html>", "", "[]", "{\"error\":5}"])
    func otherBodies(body: String) { #expect(ProviderFailure(status: 500, body: Array(body.utf8)) == .transient) }
}
