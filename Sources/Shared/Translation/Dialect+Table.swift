internal import GatewayModel
internal import ProviderSchemas

/// The dialects that are served. Facts are of mid-2026, from the vendors' API descriptions and client libraries.
extension Dialect {
    /// The row of that name (`provider.dialect` in the database); `nil` when this worker does not know it.
    package static func named(_ name: String) -> Dialect? { table[name] }

    private static let table: [String: Dialect] = Dictionary(
        [
            openAI, azure, azureDeployments, mistral, groq, deepSeek, xAI, together, openRouter, qwen, ollama, vLLM,
            llamaCpp, geminiCompatible, anthropic,
        ].map { ($0.name, $0) }
    ) { first, _ in first }

    /// Answers 400 to any member it does not know, in messages too.
    package static let openAI = Dialect(
        name: "openai", wire: .openAI, operations: Set(Operation.allCases), chatFields: NameSet(Fields.openAIChat),
        otherFields: NameSet(Fields.others), tokenLimit: .byModel, streamOptions: .withoutPadding,
        messages: MessageRule(
            fields: NameSet(Fields.openAIMessage), renamesDeveloper: false, stripsCacheMarkers: true))

    /// The same body under `…/openai/v1`.
    static let azure = Dialect(
        name: "azure", wire: .openAI, operations: Set(Operation.allCases), authentication: .header("api-key"),
        chatFields: openAI.chatFields, otherFields: openAI.otherFields, tokenLimit: .byModel,
        messages: openAI.messages)

    /// The older style, under `…/openai`: the deployment in the path, the version in the query.
    static let azureDeployments = Dialect(
        name: "azure-deployments", wire: .openAI, operations: Set(Operation.allCases), address: .deployments,
        authentication: .header("api-key"), chatFields: openAI.chatFields, otherFields: openAI.otherFields,
        tokenLimit: .byModel, messages: openAI.messages)

    /// Answers 422 to any member it does not know. Usage comes unasked.
    static let mistral = Dialect(
        name: "mistral", wire: .openAI, operations: [.chat, .embedding],
        chatFields: NameSet(
            Fields.sampling + Fields.tools + [
                "random_seed", "n", "response_format", "reasoning_effort", "prediction", "prompt_cache_key",
                "safe_prompt", "prompt_mode",
            ]),
        otherFields: NameSet(["model", "input", "encoding_format", "output_dimension", "output_dtype"]),
        renames: [("seed", "random_seed"), ("dimensions", "output_dimension")], dropsBlanks: true,
        streamOptions: .none,
        messages: MessageRule(
            fields: NameSet(["role", "content", "tool_calls", "tool_call_id", "prefix"]), stripsCacheMarkers: true,
            shortensCallIDs: true))

    static let groq = Dialect(
        name: "groq", wire: .openAI, operations: [.chat],
        chatFields: NameSet(
            Fields.sampling + Fields.tools + [
                "seed", "response_format", "reasoning_effort", "reasoning_format", "include_reasoning", "service_tier",
                "user", "stream_options",
            ]),
        dropsBlanks: true, takesSeveralChoices: false,
        messages: MessageRule(
            fields: NameSet(["role", "content", "tool_calls", "tool_call_id", "reasoning"]), flattening: .text,
            stripsCacheMarkers: true))

    /// Takes its own reasoning text back, and must get it within a tool loop.
    static let deepSeek = Dialect(
        name: "deepseek", wire: .openAI, operations: [.chat],
        chatFields: NameSet(
            Fields.sampling + Fields.tools + [
                "response_format", "reasoning_effort", "thinking", "logprobs", "top_logprobs", "stream_options",
            ]),
        dropsBlanks: true, takesSeveralChoices: false, takesSchemas: false,
        messages: MessageRule(
            fields: NameSet(["role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content", "prefix"]),
            flattening: .text, stripsCacheMarkers: true))

    static let xAI = Dialect(
        name: "xai", wire: .openAI, operations: [.chat, .image],
        chatFields: NameSet(
            Fields.sampling + Fields.tools + [
                "seed", "n", "response_format", "reasoning_effort", "logprobs", "top_logprobs", "user",
                "stream_options", "search_parameters", "logit_bias",
            ]),
        otherFields: NameSet(["model", "prompt", "n", "response_format", "user"]),
        refusedByReasoners: NameSet(["presence_penalty", "frequency_penalty", "stop"]), dropsBlanks: true,
        asksForImageData: true,
        messages: MessageRule(
            fields: NameSet(["role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content"]),
            stripsCacheMarkers: true),
        usage: .totalMinusPrompt, hidesThinking: true)

    static let together = Dialect(
        name: "together", wire: .openAI, operations: Set(Operation.allCases), streamOptions: .merged,
        asksForImageData: true,
        messages: MessageRule(stripsCacheMarkers: true))

    /// Uses what others ignore (`provider`, `models`, `reasoning`), and passes cache markers on.
    static let openRouter = Dialect(
        name: "openrouter", wire: .openAI, operations: [.chat, .completion, .embedding], streamOptions: .merged,
        messages: MessageRule(renamesDeveloper: false))

    static let qwen = Dialect(
        name: "qwen", wire: .openAI, operations: [.chat, .embedding], streamOptions: .merged)

    /// Reads `max_tokens` only; ignores what it does not know, `n` among it.
    static let ollama = Dialect(
        name: "ollama", wire: .openAI, operations: [.chat, .completion, .embedding], streamOptions: .merged,
        takesSeveralChoices: false, endsCallsWithStop: true)

    /// Ignores members it does not know: the row for any server of OpenAI's shape that has none of its own.
    static let vLLM = Dialect(
        name: "vllm", wire: .openAI, operations: [.chat, .completion, .embedding, .image], tokenLimit: .byModel,
        streamOptions: .merged)

    static let llamaCpp = Dialect(
        name: "llamacpp", wire: .openAI, operations: [.chat, .completion, .embedding], streamOptions: .merged)

    /// Gemini's endpoint of OpenAI's shape: answers 400 to what it does not know, and to much of JSON Schema.
    static let geminiCompatible = Dialect(
        name: "gemini-compat", wire: .openAI, operations: [.chat, .embedding, .image],
        chatFields: NameSet(
            Fields.sampling + ["tools", "tool_choice", "n", "response_format", "reasoning_effort", "extra_body"]
                + ["stream_options"]),
        otherFields: NameSet(["model", "input", "dimensions", "encoding_format", "prompt", "n", "response_format"]),
        dropsBlanks: true, cleansSchemas: true,
        asksForImageData: true,
        messages: MessageRule(
            fields: NameSet(["role", "content", "tool_calls", "tool_call_id"]), stripsCacheMarkers: true),
        usage: .totalMinusPrompt, hidesThinking: true)

    static let anthropic = Dialect(
        name: "anthropic", wire: .anthropic, operations: [.chat], authentication: .header("x-api-key"),
        headers: [("anthropic-version", "2023-06-01")])
}

/// Members of requests, by who takes them.
private enum Fields {
    static let sampling: [StaticString] = [
        "model", "messages", "stream", "max_tokens", "temperature", "top_p", "stop", "frequency_penalty",
        "presence_penalty",
    ]
    static let tools: [StaticString] = ["tools", "tool_choice", "parallel_tool_calls"]
    static let openAIChat: [StaticString] =
        sampling + tools + [
            "audio", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens", "metadata",
            "modalities", "moderation", "n", "prediction", "prompt_cache_key", "prompt_cache_options",
            "prompt_cache_retention", "reasoning_effort", "response_format", "safety_identifier", "seed",
            "service_tier", "store", "stream_options", "top_logprobs", "user", "verbosity", "web_search_options",
        ]
    static let openAIMessage: [StaticString] = [
        "role", "content", "name", "tool_calls", "tool_call_id", "refusal", "audio", "function_call",
    ]
    /// Completions, embeddings and images.
    static let others: [StaticString] = [
        "model", "prompt", "suffix", "echo", "best_of", "n", "max_tokens", "temperature", "top_p", "stop", "seed",
        "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "stream", "stream_options", "user", "input",
        "dimensions", "encoding_format", "size", "quality", "background", "moderation", "output_format",
        "output_compression", "response_format", "style",
    ]
}
