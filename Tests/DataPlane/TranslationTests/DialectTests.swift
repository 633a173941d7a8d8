import GatewayModel
import JSONScan
import PlaneContract
import ProviderResponses
import Testing
import Translation

@Suite struct DialectTests {
    private func url(
        _ dialect: String, _ base: String, _ operation: GatewayModel.Operation = .chat, version: String? = nil
    ) throws -> String {
        let provider = ProviderEntry(
            id: "p", dialect: dialect, baseURL: base, allowedNetworks: [], apiVersion: version)
        return try Vectors.dialect(dialect).url(of: provider, operation, model: "my gpt/4")
    }

    @Test("sends each operation where its vendor has it")
    func addresses() throws {
        #expect(try url("openai", "https://a/v1") == "https://a/v1/chat/completions")
        #expect(try url("openai", "https://a/v1", .embedding) == "https://a/v1/embeddings")
        #expect(try url("anthropic", "https://a/v1") == "https://a/v1/messages")
        #expect(
            try url("azure", "https://a/openai/v1", version: "preview")
                == "https://a/openai/v1/chat/completions?api-version=preview")
        #expect(
            try url("azure-deployments", "https://a/openai", version: "2025-01-01")
                == "https://a/openai/deployments/my%20gpt%2F4/chat/completions?api-version=2025-01-01")
        #expect(
            try url("azure-deployments", "https://a/openai", .image)
                == "https://a/openai/deployments/my%20gpt%2F4/images/generations?api-version=2024-10-21")
    }

    @Test(
        "puts the credential where the vendor looks for it",
        arguments: [
            ("groq", "Authorization", "Bearer s"), ("azure", "api-key", "s"), ("anthropic", "x-api-key", "s"),
        ])
    func credentials(dialect: String, name: String, value: String) throws {
        let header = try Vectors.dialect(dialect).credentialHeader(Secret("s"))
        #expect(header.name == name && header.value.reveal() == value)
    }

    @Test("each dialect is put to the vectors")
    func names() {
        #expect(Set(Vectors.dialects) == Set(DialectName.allCases.map(\.rawValue)))
    }

    @Test("what needs no change keeps its bytes", arguments: ["deepseek", "vllm", "groq"])
    func untouched(dialect: String) throws {
        let body = Array(
            #"{ "temperature" : 1.0, "model":"m" ,"stop":"\u0061","messages":[ {"role":"user","content":"caf\u00e9"} ]}"#
                .utf8)
        let given = try GivenRequest(body)
        #expect(try Vectors.translator(dialect).body(of: given.request, outputTokens: nil) == body)
    }

    @Test("a member keeps no other dialect's name by being spelt with escapes")
    func escapedNames() throws {
        let given = try GivenRequest(Array(#"{"model":"m","to\u0070_k":5,"\u0073eed":7,"messages":[]}"#.utf8))
        func made(_ dialect: String) throws -> String {
            String(
                decoding: try Vectors.translator(dialect).body(of: given.request, outputTokens: nil), as: UTF8.self)
        }
        #expect(
            try made("openai")
                == #"{"model":"m","\u0073eed":7,"messages":[],"store":false,"service_tier":"default"}"#)
        #expect(try made("mistral") == #"{"model":"m","messages":[],"random_seed":7}"#)
    }

    @Test("no vendor gets a caller's own name for prompts", arguments: Vectors.dialects)
    func namesOfPrompts(dialect: String) throws {
        func made(_ member: String) throws -> String {
            let given = try GivenRequest(Array(#"{"model":"m",\#(member)"messages":[]}"#.utf8))
            let body = try Vectors.translator(dialect).body(of: given.request, outputTokens: 9) {
                "name<" + String(decoding: $0, as: UTF8.self).filter { $0 != "\"" } + ">"
            }
            return String(decoding: body, as: UTF8.self)
        }
        let always = ["openai", "azure", "mistral", "openrouter"].contains(dialect)
        let replaced = ["vllm", "azure-deployments"].contains(dialect)
        for blank in ["", #""prompt_cache_key":null,"#] {
            #expect(try made(blank).contains(#""prompt_cache_key":"name<>""#) == always)
        }
        let own = try made(#""prompt_cache_\u006bey":"mine","#)
        #expect(own.contains(#":"name<mine>""#) == (always || replaced) && !own.contains(#""mine""#))
    }

    @Test("embeddings and completions have fields of their own")
    func otherOperations() throws {
        let given = try GivenRequest(
            Array(#"{"model":"m","input":"x","dimensions":8,"user":"u","y":1}"#.utf8), operation: .embedding)
        func made(_ dialect: String) throws -> String {
            String(
                decoding: try Vectors.translator(dialect).body(of: given.request, outputTokens: 0), as: UTF8.self)
        }
        #expect(try made("openai") == #"{"model":"m","input":"x","dimensions":8,"user":"u"}"#)
        #expect(try made("mistral") == #"{"model":"m","input":"x","output_dimension":8}"#)
    }

    @Test("holds streams for whole whose thinking does not pass")
    func thinking() throws {
        func mayThink(_ dialect: String, _ model: String, asked: Bool) throws -> Bool {
            try Vectors.translator(dialect, model: model).mayHideThinking(whenAsked: asked)
        }
        #expect(try !mayThink("openai", "m", asked: true) && mayThink("openai", "reasoner", asked: false))
        for dialect in ["xai", "gemini-compat", "openrouter"] { #expect(try mayThink(dialect, "m", asked: false)) }
        for dialect in ["groq", "deepseek", "mistral", "together", "qwen", "ollama", "vllm", "llamacpp"] {
            #expect(try !mayThink(dialect, "m", asked: true), "its thinking passes and is counted")
        }
        #expect(try mayThink("anthropic", "claude-of-tomorrow", asked: false))
        #expect(try !mayThink("anthropic", "claude-opus-5", asked: false))
        #expect(try mayThink("anthropic", "claude-opus-5", asked: true))
        #expect(try mayThink("anthropic", "claude-sonnet-5", asked: false))
    }

    @Test("a choice with more calls than anybody makes ends the stream")
    func tooManyCalls() throws {
        var stream = try Vectors.translator("vllm").stream(of: .chat, as: Vectors.identity)
        var last = StreamStep.nothing
        for number in 0...256 {
            last = stream.translate(
                Array(#"{"choices":[{"index":0,"delta":{"tool_calls":[{"id":"c\#(number)"}]}}]}"#.utf8))
        }
        guard case .broken = last else {
            Issue.record("257 calls were taken")
            return
        }
    }
}
