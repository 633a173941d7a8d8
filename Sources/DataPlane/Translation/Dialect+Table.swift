package import PlaneContract
internal import ProviderResponses

/// The supported dialects, as of mid-2026, from the vendors' API descriptions and client libraries.
extension Dialect {
    /// The row of a dialect.
    package static func named(_ name: DialectName) -> Dialect {
        switch name {
        case .openAI: openAI
        case .azure: azure
        case .azureDeployments: azureDeployments
        case .mistral: mistral
        case .groq: groq
        case .deepSeek: deepSeek
        case .xAI: xAI
        case .together: together
        case .openRouter: openRouter
        case .qwen: qwen
        case .ollama: ollama
        case .vLLM: vLLM
        case .llamaCpp: llamaCpp
        case .geminiCompatible: geminiCompatible
        case .anthropic: anthropic
        }
    }

    /// Answers 400 to any unknown member, in messages too.
    static let openAI = Dialect(
        wire: .openAI,
        chat: MemberRules(
            pass: NameSet(Fields.openAIChat), partial: [Fields.cacheOptions],
            fixed: [("store", "false"), ("service_tier", "\"default\"")], refused: [Refused.search, Refused.speech]),
        other: MemberRules(pass: NameSet(Fields.others)), tokenLimit: .byModel, streamOptions: .withoutPadding,
        promptCacheKey: .always,
        messages: MessageRule(
            fields: NameSet(Fields.openAIMessage), renamesDeveloper: false, stripsCacheMarkers: true))

    /// The same body as OpenAI's, under `…/openai/v1`.
    static let azure = Dialect(
        wire: .openAI, authentication: .header("api-key"),
        chat: openAI.chat, other: openAI.other, tokenLimit: .byModel, promptCacheKey: .always, messages: openAI.messages
    )

    /// The older style, under `…/openai`, with the deployment in the path and the version in the query.
    ///
    /// Versions before 2025 answer 400 to `store` and `service_tier`, so they are left out.
    static let azureDeployments = Dialect(
        wire: .openAI, address: .deployments,
        authentication: .header("api-key"),
        chat: MemberRules(
            pass: NameSet(Fields.openAIChat), partial: [Fields.cacheOptions], refused: openAI.chat.refused),
        other: openAI.other, tokenLimit: .byModel, promptCacheKey: .replaced, messages: openAI.messages)

    /// Answers 422 to any unknown member. Usage is always sent.
    static let mistral = Dialect(
        wire: .openAI,
        chat: MemberRules(
            pass: NameSet(
                Fields.sampling + Fields.tools + [
                    "random_seed", "n", "response_format", "reasoning_effort", "prompt_cache_key", "safe_prompt",
                    "prompt_mode",
                ])),
        other: MemberRules(
            pass: NameSet(["model", "input", "encoding_format", "output_dimension", "output_dtype"])),
        renames: [("seed", "random_seed"), ("dimensions", "output_dimension")], dropsEmpty: true,
        streamOptions: .none, promptCacheKey: .always,
        messages: MessageRule(
            fields: NameSet(["role", "content", "tool_calls", "tool_call_id", "prefix"]), stripsCacheMarkers: true,
            shortensCallIDs: true))

    /// The tier is `on_demand` unless requested otherwise.
    ///
    /// Thinking stays visible, because hidden it could not be counted.
    static let groq = Dialect(
        wire: .openAI,
        chat: MemberRules(
            pass: NameSet(
                Fields.sampling + Fields.tools + [
                    "seed", "response_format", "reasoning_effort", "user", "stream_options",
                ]),
            partial: [
                ("reasoning_format", .text(["parsed", "raw"], otherwise: "parsed")), ("include_reasoning", .yes),
            ]),
        dropsEmpty: true, supportsMultipleChoices: false,
        messages: MessageRule(
            fields: NameSet(["role", "content", "tool_calls", "tool_call_id", "reasoning"]), flattening: .text,
            stripsCacheMarkers: true))

    /// Accepts its own reasoning text in messages, and requires it within a tool loop.
    static let deepSeek = Dialect(
        wire: .openAI,
        chat: MemberRules(
            pass: NameSet(
                Fields.sampling + Fields.tools + [
                    "response_format", "reasoning_effort", "logprobs", "top_logprobs", "stream_options",
                ]), partial: [Fields.thinking]),
        dropsEmpty: true, supportsMultipleChoices: false, supportsSchemas: false,
        messages: MessageRule(
            fields: NameSet(["role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content", "prefix"]),
            flattening: .text, stripsCacheMarkers: true))

    static let xAI = Dialect(
        wire: .openAI,
        chat: MemberRules(
            pass: NameSet(
                Fields.sampling + Fields.tools + [
                    "seed", "n", "response_format", "reasoning_effort", "logprobs", "top_logprobs", "user",
                    "stream_options", "logit_bias",
                ]), refused: [Refused.searchParameters]),
        other: MemberRules(pass: NameSet(["model", "prompt", "n", "response_format", "user"])),
        refusedByReasoningModels: NameSet(["presence_penalty", "frequency_penalty", "stop"]), dropsEmpty: true,
        tokenLimit: .maxCompletionTokens, asksForImageData: true,
        messages: MessageRule(
            fields: NameSet(["role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content"]),
            stripsCacheMarkers: true),
        usage: .totalMinusPrompt, hidesThinking: true)

    static let together = Dialect(
        wire: .openAI,
        chat: MemberRules(
            pass: NameSet(
                Fields.sampling + Fields.tools + Fields.openSampling + [
                    "n", "logprobs", "top_logprobs", "reasoning_effort", "context_length_exceeded_behavior",
                ]), partial: [Fields.reasoning, Fields.templateSwitches],
            refused: [Refused.template, Refused.safetyModel, Refused.speech]),
        other: MemberRules(pass: NameSet(Fields.others + Fields.openSampling), refused: [Refused.safetyModel]),
        asksForImageData: true, messages: MessageRule(stripsCacheMarkers: true))

    /// Uses members that others ignore, and passes cache markers on.
    ///
    /// Which vendor responds, and whether its thinking is visible, is not known in advance.
    static let openRouter = Dialect(
        wire: .openAI,
        chat: MemberRules(
            pass: NameSet(
                Fields.sampling + Fields.tools + Fields.openSampling + [
                    "n", "logprobs", "top_logprobs", "top_a", "reasoning_effort", "verbosity",
                    "prompt_cache_key",
                ]), partial: [Fields.reasoning, ("include_reasoning", .yes), ("structured_outputs", .scalar)],
            refused: Refused.routing + [Refused.search, Refused.speech]),
        other: MemberRules(pass: NameSet(Fields.others + Fields.openSampling), refused: Refused.routing),
        promptCacheKey: .always, billsFilesSeparately: true,
        messages: MessageRule(
            fields: NameSet(Fields.message + ["cache_control"]), renamesDeveloper: false), hidesThinking: true)

    static let qwen = Dialect(
        wire: .openAI,
        chat: MemberRules(
            pass: NameSet(
                Fields.sampling + Fields.tools + Fields.openSampling + ["n", "logprobs", "top_logprobs"]),
            refused: [Refused.enableSearch, Refused.speech]),
        other: MemberRules(pass: NameSet(Fields.others + ["dimension", "text_type"])), tokenLimit: .separateThinking)

    /// Reads only `max_tokens`; ignores unknown members, and `n` is one of them.
    static let ollama = Dialect(
        wire: .openAI,
        chat: MemberRules(
            pass: NameSet(
                Fields.sampling + Fields.tools + [
                    "seed", "response_format", "reasoning_effort", "logprobs", "top_logprobs", "logit_bias", "user",
                    "stream_options",
                ]), partial: [Fields.reasoning]),
        other: MemberRules(pass: NameSet(Fields.others)), supportsMultipleChoices: false, endsCallsWithStop: true)

    /// Ignores unknown members: the row for any OpenAI-compatible server without its own.
    static let vLLM = Dialect(
        wire: .openAI,
        chat: MemberRules(
            pass: NameSet(Fields.openAIChat + Fields.openSampling + Fields.vLLM),
            partial: [
                Fields.templateSwitches, Fields.thinking, Fields.reasoning, ("include_reasoning", .yes),
                ("structured_outputs", .object([("json", .any), ("json_object", .scalar), ("choice", .any)])),
            ],
            refused: Refused.grammars + [Refused.template, Refused.processors, Refused.speech]),
        other: MemberRules(
            pass: NameSet(Fields.others + Fields.openSampling + Fields.vLLM),
            refused: Refused.grammars + [Refused.processors]), tokenLimit: .byModel,
        promptCacheKey: .replaced)

    static let llamaCpp = Dialect(
        wire: .openAI,
        chat: MemberRules(
            pass: NameSet(
                Fields.sampling + Fields.tools + Fields.openSampling + Fields.llamaCpp + [
                    "n", "logprobs", "top_logprobs", "reasoning_effort",
                ]), partial: [Fields.templateSwitches], refused: [Refused.grammar, Refused.template]),
        other: MemberRules(
            pass: NameSet(Fields.others + Fields.openSampling + Fields.llamaCpp), refused: [Refused.grammar]))

    /// Gemini's OpenAI-compatible endpoint. Answers 400 to unknown members and to much of JSON Schema.
    static let geminiCompatible = Dialect(
        wire: .openAI,
        chat: MemberRules(
            pass: NameSet(
                Fields.sampling + [
                    "tools", "tool_choice", "n", "response_format", "reasoning_effort", "stream_options",
                ]), partial: [Fields.geminiThinking], refused: Refused.cachedContent),
        other: MemberRules(
            pass: NameSet(["model", "input", "dimensions", "encoding_format", "prompt", "n", "response_format"])),
        dropsEmpty: true, cleansSchemas: true,
        asksForImageData: true,
        messages: MessageRule(
            fields: NameSet(["role", "content", "tool_calls", "tool_call_id"]), stripsCacheMarkers: true),
        usage: .totalMinusPrompt, hidesThinking: true)

    static let anthropic = Dialect(
        wire: .anthropic, authentication: .header("x-api-key"),
        headers: [("anthropic-version", "2023-06-01")])
}
