/// Members of requests, by who takes them.
enum Fields {
    typealias Partly = (name: StaticString, shape: MemberRules.MemberShape)

    static let sampling: [StaticString] = [
        "model", "messages", "stream", "max_tokens", "temperature", "top_p", "stop", "frequency_penalty",
        "presence_penalty",
    ]
    static let tools: [StaticString] = ["tools", "tool_choice", "parallel_tool_calls"]
    /// `metadata` is for stored answers, and none is stored; `prediction` only hurries an answer, and what is not used of it is
    /// billed unseen; `audio` says how to speak.
    static let openAIChat: [StaticString] =
        sampling + tools + [
            "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens", "moderation", "n",
            "prompt_cache_key", "prompt_cache_retention", "reasoning_effort", "response_format", "safety_identifier",
            "seed", "stream_options", "top_logprobs", "user", "verbosity",
        ]
    /// What servers of open models have beside OpenAI's.
    static let openSampling: [StaticString] = [
        "seed", "response_format", "logit_bias", "user", "stream_options", "top_k", "min_p", "repetition_penalty",
    ]
    /// Not among them, since each makes more than is asked for or runs before others: `min_tokens`, `ignore_eos`, `best_of` in
    /// chat, `use_beam_search`, `priority`, `prompt_logprobs`, `echo` in chat, `mm_processor_kwargs`, `kv_transfer_params`.
    static let vLLM: [StaticString] = [
        "stop_token_ids", "include_stop_str_in_output", "skip_special_tokens", "spaces_between_special_tokens",
        "bad_words", "allowed_token_ids", "guided_json", "guided_choice", "add_generation_prompt",
        "continue_final_message", "enable_thinking",
    ]
    /// Not among them: `n_predict` and `n_cmpl`, which undo the limits held for, `ignore_eos`, `id_slot`, `lora`.
    static let llamaCpp: [StaticString] = [
        "typical_p", "top_n_sigma", "xtc_probability", "xtc_threshold", "dynatemp_range", "dynatemp_exponent",
        "repeat_penalty", "repeat_last_n", "dry_multiplier", "dry_base", "dry_allowed_length", "dry_penalty_last_n",
        "mirostat", "mirostat_tau", "mirostat_eta", "json_schema",
    ]
    static let openAIMessage: [StaticString] = [
        "role", "content", "name", "tool_calls", "tool_call_id", "refusal", "function_call",
    ]
    /// Of servers that ignore what they do not know. `audio` and `images` name what is kept elsewhere.
    static let message: [StaticString] =
        openAIMessage + ["reasoning_content", "reasoning", "reasoning_details", "prefix", "partial"]
    /// Completions, embeddings and images.
    static let others: [StaticString] = [
        "model", "prompt", "suffix", "echo", "best_of", "n", "max_tokens", "temperature", "top_p", "stop", "seed",
        "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "stream", "stream_options", "user", "input",
        "dimensions", "encoding_format", "size", "quality", "background", "moderation", "output_format",
        "output_compression", "response_format", "style",
    ]

    /// A longer life costs more to write.
    static let cacheOptions: Partly = ("prompt_cache_options", .object([("mode", .scalar)]))
    static let thinking: Partly = ("thinking", .object([("type", .scalar), ("budget_tokens", .scalar)]))
    /// Without `exclude`: thinking that is hidden could not be counted.
    static let reasoning: Partly = (
        "reasoning", .object([("effort", .scalar), ("max_tokens", .scalar), ("enabled", .scalar)])
    )
    /// Switches that templates of known models have. Others may be anything a template makes text of.
    static let templateSwitches: Partly = (
        "chat_template_kwargs",
        .object([
            ("enable_thinking", .scalar), ("thinking", .scalar), ("thinking_budget", .scalar),
            ("reasoning_effort", .scalar),
        ])
    )
    static let geminiThinking: Partly = (
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

/// Members that are answered with 400, by why.
enum Refused {
    typealias Refusal = MemberRules.Refusal

    /// OpenAI, OpenRouter: billed by the search.
    static let search = Refusal(path: ["web_search_options"], instead: searchTool)
    /// Qwen.
    static let enableSearch = Refusal(path: ["enable_search"], instead: searchTool)
    /// xAI.
    static let searchParameters = Refusal(
        path: ["search_parameters"], harmless: .member("mode", "off"), instead: searchTool)
    private static let searchTool: StaticString =
        "Searches are billed by the call, which no key is charged for here; leave it out, or hand the model a search tool of your own."

    /// Speech and pictures in an answer are billed at prices of their own.
    static let speech = Refusal(
        path: ["modalities"], harmless: .text("text"), instead: "Answers are text here; ask for \"text\" alone.")

    /// OpenRouter: other models, other vendors, other prices than those of the model that was named.
    static let routing: [Refusal] = ["models", "route", "provider", "plugins", "preset"].map {
        Refusal(
            path: [$0], instead: "The gateway alone decides who answers; name the model, or an alias, in model.")
    }

    /// Together: a second model, billed beside the first.
    static let safetyModel = Refusal(
        path: ["safety_model"], instead: "It is a second model whose tokens no key is charged for here; leave it out.")

    /// A program that makes any prompt out of a few bytes.
    static let template = Refusal(
        path: ["chat_template"], instead: "The server's own template is used; leave it out.")
    /// vLLM: names code to run.
    static let processors = Refusal(
        path: ["logits_processors"], instead: "It names code to run on the server; leave it out.")

    static let grammar = Refusal(path: ["grammar"], instead: schema)
    /// Compiled on the server, at a cost that nothing bounds.
    static let grammars = [
        ["guided_grammar"], ["guided_regex"], ["structured_outputs", "grammar"], ["structured_outputs", "regex"],
        ["structured_outputs", "structural_tag"],
    ].map { Refusal(path: $0, instead: schema) }
    private static let schema: StaticString = "Ask for a form with response_format, as a JSON schema."

    /// Gemini: a cache is named, and names are known to more than those who made it.
    static let cachedContent = ["cached_content", "cachedContent"].map {
        Refusal(
            path: ["extra_body", "google", $0], instead: "Caches are not shared among keys; send the content itself.")
    }
}
