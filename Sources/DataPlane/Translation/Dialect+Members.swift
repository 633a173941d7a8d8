/// Request members, grouped by the vendors that accept them.
enum Fields {
    typealias PartialMember = (name: StaticString, shape: MemberRules.MemberShape)

    static let sampling: [StaticString] = [
        "model", "messages", "stream", "max_tokens", "temperature", "top_p", "stop", "frequency_penalty",
        "presence_penalty",
    ]
    static let tools: [StaticString] = ["tools", "tool_choice", "parallel_tool_calls"]
    /// Without `metadata`, `prediction` and `audio`.
    ///
    /// `metadata` is for stored completions, and none are stored. `prediction` only speeds up a response, while its
    /// unused tokens are billed unseen. `audio` is for spoken responses.
    static let openAIChat: [StaticString] =
        sampling + tools + [
            "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens", "moderation", "n",
            "prompt_cache_key", "prompt_cache_retention", "reasoning_effort", "response_format", "safety_identifier",
            "seed", "stream_options", "top_logprobs", "user", "verbosity",
        ]
    /// Members that servers of open models accept beside OpenAI's.
    static let openSampling: [StaticString] = [
        "seed", "response_format", "logit_bias", "user", "stream_options", "top_k", "min_p", "repetition_penalty",
    ]
    /// Without members that produce more than was requested or jump the queue.
    ///
    /// These are `min_tokens`, `ignore_eos`, `best_of` in chat, `use_beam_search`, `priority`, `prompt_logprobs`,
    /// `echo` in chat, `mm_processor_kwargs` and `kv_transfer_params`.
    static let vLLM: [StaticString] = [
        "stop_token_ids", "include_stop_str_in_output", "skip_special_tokens", "spaces_between_special_tokens",
        "bad_words", "allowed_token_ids", "guided_json", "guided_choice", "add_generation_prompt",
        "continue_final_message", "enable_thinking",
    ]
    /// Without `n_predict` and `n_cmpl`, which override the limits of the hold, `ignore_eos`, `id_slot` and `lora`.
    static let llamaCpp: [StaticString] = [
        "typical_p", "top_n_sigma", "xtc_probability", "xtc_threshold", "dynatemp_range", "dynatemp_exponent",
        "repeat_penalty", "repeat_last_n", "dry_multiplier", "dry_base", "dry_allowed_length", "dry_penalty_last_n",
        "mirostat", "mirostat_tau", "mirostat_eta", "json_schema",
    ]
    static let openAIMessage: [StaticString] = [
        "role", "content", "name", "tool_calls", "tool_call_id", "refusal", "function_call",
    ]
    /// For servers that ignore unknown members.
    ///
    /// Left out: `audio` and `images`, which refer to content stored elsewhere.
    static let message: [StaticString] =
        openAIMessage + ["reasoning_content", "reasoning", "reasoning_details", "prefix", "partial"]
    /// For completions, embeddings and images.
    static let others: [StaticString] = [
        "model", "prompt", "suffix", "echo", "best_of", "n", "max_tokens", "temperature", "top_p", "stop", "seed",
        "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "stream", "stream_options", "user", "input",
        "dimensions", "encoding_format", "size", "quality", "background", "moderation", "output_format",
        "output_compression", "response_format", "style",
    ]

    /// Only the mode: a longer lifetime makes cache writes more expensive.
    static let cacheOptions: PartialMember = ("prompt_cache_options", .object([("mode", .scalar)]))
    static let thinking: PartialMember = ("thinking", .object([("type", .scalar), ("budget_tokens", .scalar)]))
    /// Without `exclude`, because hidden thinking could not be counted.
    static let reasoning: PartialMember = (
        "reasoning", .object([("effort", .scalar), ("max_tokens", .scalar), ("enabled", .scalar)])
    )
    /// Switches in the templates of known models. Others could be anything a template turns into text.
    static let templateSwitches: PartialMember = (
        "chat_template_kwargs",
        .object([
            ("enable_thinking", .scalar), ("thinking", .scalar), ("thinking_budget", .scalar),
            ("reasoning_effort", .scalar),
        ])
    )
    static let geminiThinking: PartialMember = (
        "extra_body",
        .object([
            (
                "google",
                .object([
                    (
                        "thinking_config",
                        .object([
                            ("thinking_budget", .scalar), ("thinking_level", .scalar), ("include_thoughts", .scalar),
                        ])
                    )
                ])
            )
        ])
    )
}

/// Members that are refused with 400, by reason.
enum Refused {
    typealias Refusal = MemberRules.Refusal

    /// OpenAI, OpenRouter: searches are billed per call.
    static let search = Refusal(path: ["web_search_options"], instead: searchTool)
    /// Qwen.
    static let enableSearch = Refusal(path: ["enable_search"], instead: searchTool)
    /// xAI.
    static let searchParameters = Refusal(
        path: ["search_parameters"], harmless: .member("mode", "off"), instead: searchTool)
    private static let searchTool: StaticString =
        "Searches are billed per call, which cannot be charged to a key; omit it, or give the model a search tool of your own."

    /// Speech and images in a response are billed at prices of their own.
    static let speech = Refusal(
        path: ["modalities"], harmless: .text("text"), instead: "Responses are text only; request \"text\" alone.")

    /// OpenRouter: switches to other models, vendors or prices than those of the named model.
    static let routing: [Refusal] = ["models", "route", "provider", "plugins", "preset"].map {
        Refusal(
            path: [$0], instead: "The gateway chooses the provider; name a model or an alias in model.")
    }

    /// Together: a second model that is billed in addition.
    static let safetyModel = Refusal(
        path: ["safety_model"], instead: "It is a second model, whose tokens cannot be charged to a key; omit it.")

    /// A program that can turn a few bytes into any prompt.
    static let template = Refusal(
        path: ["chat_template"], instead: "The server's own template is used; omit it.")
    /// vLLM: names code to run on the server.
    static let processors = Refusal(
        path: ["logits_processors"], instead: "It names code to run on the server; omit it.")

    static let grammar = Refusal(path: ["grammar"], instead: schema)
    /// Compiled on the server, at unbounded cost.
    static let grammars = [
        ["guided_grammar"], ["guided_regex"], ["structured_outputs", "grammar"], ["structured_outputs", "regex"],
        ["structured_outputs", "structural_tag"],
    ].map { Refusal(path: $0, instead: schema) }
    private static let schema: StaticString = "Request a format with response_format, as a JSON schema."

    /// Gemini: caches are referenced by name, and a name may become known to others than its creator.
    static let cachedContent = ["cached_content", "cachedContent"].map {
        Refusal(
            path: ["extra_body", "google", $0],
            instead: "Cached content is not shared among keys; send the content itself.")
    }
}
