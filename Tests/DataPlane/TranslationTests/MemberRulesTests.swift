import GatewayModel
import JSONScan
import PlaneContract
import Testing
import Translation

/// Which members reach a vendor, of those that may raise the bill, change the model, the length or the route, or reach
/// another caller's data.
@Suite struct MemberRulesTests {
    /// The request a vendor gets; `nil` when it was refused.
    private func sent(
        _ dialect: String, _ members: String, _ operation: GatewayModel.Operation = .chat, limit: Int64? = nil
    ) throws -> String? {
        let input = operation == .chat ? #""messages":[{"role":"user","content":"Hi"}]"# : #""prompt":"Hi""#
        let given = try GivenRequest(Array("{\"model\":\"m\",\(input),\(members)}".utf8), operation: operation)
        let translator = try Vectors.translator(dialect)
        do throws(GatewayError) {
            let body = try translator.body(of: given.request, outputTokens: limit)
            return String(decoding: body, as: UTF8.self)
        } catch {
            #expect(error.kind == .invalidRequest && error.param != nil)
            return nil
        }
    }

    /// Each as a member of a request; the marker `Z9`, or the member itself, must not reach any vendor.
    static let dangerous = [
        #""models":["Z9"]"#, #""route":"Z9""#, #""provider":{"only":["Z9"]}"#, #""plugins":[{"id":"Z9"}]"#,
        #""transforms":["Z9"]"#, #""preset":"Z9""#, #""web_search_options":{"search_context_size":"Z9"}"#,
        #""search_parameters":{"mode":"on","x":"Z9"}"#, #""n_predict":"Z9""#, #""n_cmpl":"Z9""#,
        #""chat_template":"Z9""#,
        #""chat_template_kwargs":{"documents":"Z9"}"#, #""best_of":"Z9""#, #""use_beam_search":"Z9""#,
        #""extra_body":{"google":{"cached_content":"Z9"}}"#, #""extra_body":{"google":{"cachedContent":"Z9"}}"#,
        #""extra_body":{"models":["Z9"]}"#, #""prediction":{"type":"content","content":"Z9"}"#,
        #""audio":{"voice":"Z9"}"#,
        #""modalities":["text","Z9"]"#, #""min_tokens":"Z9""#, #""ignore_eos":"Z9""#, #""priority":"Z9""#,
        #""grammar":"Z9""#, #""guided_grammar":"Z9""#, #""guided_regex":"Z9""#, #""structured_outputs":{"regex":"Z9"}"#,
        #""logits_processors":["Z9"]"#, #""safety_model":"Z9""#, #""service_tier":"Z9""#, #""store":"Z9""#,
        #""metadata":{"a":"Z9"}"#, #""mod\u0065ls":["Z9"]"#, #""pr\u006fvider":{"only":["Z9"]}"#,
        #""search_options":{"a":"Z9"}"#,
        #""vl_high_resolution_images":"Z9""#, #""enable_code_interpreter":"Z9""#, #""mm_processor_kwargs":{"a":"Z9"}"#,
        #""kv_transfer_params":{"a":"Z9"}"#, #""id_slot":"Z9""#, #""lora":["Z9"]"#, #""keep_alive":"Z9""#,
        #""options":{"num_predict":"Z9"}"#, #""reasoning":{"exclude":"Z9","effort":"low"}"#,
        #""reasoning_format":"Z9""#,
        #""include_reasoning":"Z9""#, #""stream_options":{"x":"Z9"},"stream":true"#, #""deferred":"Z9""#,
        #""prompt_cache_options":{"ttl":"Z9"}"#, #""documents":["Z9"]"#, #""search_settings":{"a":"Z9"}"#,
        #""x_unknown":"Z9""#,
        #""tools":[{"type":"Z9"},{"type":"function","function":{"name":"f"}}]"#,
        #""tools":[{"type":"function","function":{"name":"f"},"web_search":"Z9"}]"#,
        #""tools":[{"googleSearch":{"a":"Z9"}},{"type":"function","function":{"name":"f"}}]"#,
    ]

    @Test("nothing that raises the bill reaches a vendor", arguments: Vectors.dialects)
    func nothingDangerousPasses(dialect: String) throws {
        for members in Self.dangerous {
            guard let body = try sent(dialect, members) else { continue }
            #expect(!body.contains("Z9"), "\(members) became \(body)")
        }
        let name = try #require(DialectName(rawValue: dialect))
        for members in Self.dangerous where name.operations.contains(.completion) {
            guard let body = try sent(dialect, members, .completion) else { continue }
            #expect(!body.contains("Z9") || members.contains("best_of"), "\(members) became \(body)")
        }
    }

    @Test(
        "what does not ask for anything is left out, not refused",
        arguments: [
            ("openrouter", #""models":[]"#), ("openrouter", #""provider":null"#), ("openrouter", #""plugins":[]"#),
            ("openrouter", #""route":"""#), ("xai", #""search_parameters":{"mode":"off"}"#),
            ("qwen", #""enable_search":false"#),
            ("openai", #""web_search_options":null"#), ("openai", #""modalities":["text"]"#),
            ("vllm", #""chat_template":null"#),
        ])
    func harmless(dialect: String, members: String) throws {
        let name = try #require(members.split(separator: "\"").first)
        #expect(try #require(try sent(dialect, members)).contains("\"\(name)\"") == false)
    }

    @Test(
        "what would be another answer than was asked for is refused, by name",
        arguments: [
            ("openrouter", #""models":["x"]"#, "models"), ("openrouter", #""plugins":[{"id":"web"}]"#, "plugins"),
            ("openai", #""web_search_options":{}"#, nil),
            ("openai", #""web_search_options":{"a":1}"#, "web_search_options"),
            ("qwen", #""enable_search":true"#, "enable_search"),
            ("xai", #""search_parameters":{"mode":"on"}"#, "search_parameters"),
            ("gemini-compat", #""extra_body":{"google":{"cached_content":"c"}}"#, "extra_body.google.cached_content"),
            ("llamacpp", #""grammar":"root"#, "grammar"),
            ("vllm", #""structured_outputs":{"regex":"a"}"#, "structured_outputs.regex"),
            ("anthropic", #""modalities":["text","audio"]"#, "modalities"),
            ("openai", #""tools":[{"type":"web_search"}]"#, "tools"),
            (
                "openai", #""tool_choice":{"type":"web_search"},"tools":[{"type":"function","function":{"name":"f"}}]"#,
                "tool_choice"
            ),
        ] as [(String, String, String?)])
    func refused(dialect: String, members: String, param: String?) throws {
        let closed = members.hasSuffix("root") ? members + "\"" : members
        let given = try GivenRequest(Array("{\"model\":\"m\",\"messages\":[],\(closed)}".utf8))
        let translator = try Vectors.translator(dialect)
        var found: String?
        do throws(GatewayError) {
            _ = try translator.body(of: given.request, outputTokens: nil)
        } catch {
            found = error.param
        }
        #expect(found == param)
    }

    @Test(
        "the tier and storing are written out, whatever the caller says",
        arguments: ["", #","service_tier":"priority","store":true"#])
    func fixed(members: String) throws {
        for dialect in ["openai", "azure"] {
            let body = try #require(try sent(dialect, "\"seed\":1" + members))
            #expect(body.contains(#""store":false"#) && body.contains(#""service_tier":"default""#))
            #expect(!body.contains("priority") && !body.contains("true"))
        }
        let older = try #require(try sent("azure-deployments", "\"seed\":1" + members))
        #expect(!older.contains("store") && !older.contains("service_tier"))
        #expect(
            try #require(try sent("anthropic", "\"seed\":1" + members)).contains(#""service_tier":"standard_only""#))
    }

    @Test("what clients send for how an answer is made passes")
    func passes() throws {
        let template = #""chat_template_kwargs":{"enable_thinking":false}"#
        for dialect in ["vllm", "together", "llamacpp"] {
            #expect(try #require(try sent(dialect, template)).contains(template))
        }
        #expect(try #require(try sent("vllm", #""top_k":5,"min_p":0.10"#)).contains(#""top_k":5,"min_p":0.10"#))
        #expect(
            try #require(try sent("openrouter", #""reasoning":{"max_tokens":9,"exclude":true}"#))
                .contains(#""reasoning":{"max_tokens":9}"#))
        let thinking = #""extra_body":{"google":{"thinking_config":{"thinking_budget":0}}}"#
        #expect(try #require(try sent("gemini-compat", thinking)).contains(thinking))
        #expect(
            try #require(try sent("groq", #""reasoning_format":"hidden""#)).contains(#""reasoning_format":"parsed""#))
        #expect(try #require(try sent("groq", #""reasoning_format":"raw""#)).contains(#""reasoning_format":"raw""#))
        #expect(try #require(try sent("groq", #""include_reasoning":false"#)).contains("include_reasoning") == false)
    }

    @Test(
        "where a limit leaves thinking out, it is parted",
        arguments: [
            (#""seed":1"#, #""enable_thinking":false,"max_tokens":1000"#),
            (#""enable_thinking":true"#, #""enable_thinking":true,"thinking_budget":500,"max_tokens":500"#),
            (#""thinking_budget":99999"#, #""thinking_budget":999,"enable_thinking":true,"max_tokens":1"#),
            (#""reasoning_effort":"high""#, #""enable_thinking":true,"thinking_budget":750,"max_tokens":250"#),
            (#""reasoning_effort":"none""#, #""enable_thinking":false,"max_tokens":1000"#),
        ])
    func thinkingApart(members: String, made: String) throws {
        let body = try #require(try sent("qwen", members, limit: 1_000))
        #expect(body.contains(made) && !body.contains("reasoning_effort"), "\(body)")
    }

    @Test("parts keep what means something, in every dialect", arguments: Vectors.dialects.filter { $0 != "anthropic" })
    func parts(dialect: String) throws {
        let body = Array(
            #"{"model":"m","messages":[{"role":"user","audio":{"id":"Z9"},"images":["Z9"],"content":[{"type":"image_url","uuid":"Z9","max_pixels":"Z9","image_url":{"url":"https://x/a","detail":"low","f\u0070s":"Z9"}}]}]}"#
                .utf8)
        let given = try GivenRequest(body)
        let made = String(
            decoding: try Vectors.translator(dialect).body(of: given.request, outputTokens: nil), as: UTF8.self)
        #expect(made.contains(#"{"type":"image_url","image_url":{"url":"https://x/a","detail":"low"}}"#))
        #expect(!made.contains("Z9"), "\(made)")
    }
}
