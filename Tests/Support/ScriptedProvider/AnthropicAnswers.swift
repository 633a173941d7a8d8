/// Anthropic Messages: <https://docs.anthropic.com/en/api/messages-streaming>.
struct AnthropicAnswers: Answers {
    let script: Script
    let id: String

    private static let arguments = "{\"city\":\"Bonn\"}"

    private func event(_ type: String, _ rest: String = "") -> String {
        "event: \(type)\ndata: {\"type\":\"\(type)\"\(rest)}\n\n"
    }

    private func input(output: Int) -> String {
        let thinking = ",\"output_tokens_details\":{\"thinking_tokens\":\(min(script.reasoningTokens, output))}"
        return "{\"input_tokens\":\(script.promptTokens - script.cachedTokens),\"cache_creation_input_tokens\":0,"
            + "\"cache_read_input_tokens\":\(script.cachedTokens),\"output_tokens\":\(output)\(thinking)}"
    }

    func opening() -> [String] {
        let message =
            "{\"id\":\"msg_\(id)\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"model\":\"\(script.name)\","
            + "\"stop_reason\":null,\"usage\":\(input(output: 0))}"
        return [event("message_start", ",\"message\":\(message)"), event("ping")]
    }

    func content(_ at: Int) -> String {
        let start = at == 0 ? blockStart : ""
        guard script.callsTool else { return start + delta("{\"type\":\"text_delta\",\"text\":\"tok \"}") }
        if at == 0 { return start }
        let piece = at == 1 ? "{\\\"city\\\":" : at == 2 ? "\\\"Bonn\\\"}" : ""
        return delta("{\"type\":\"input_json_delta\",\"partial_json\":\"\(piece)\"}")
    }

    private var blockStart: String {
        let block =
            script.callsTool
            ? "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"get_weather\",\"input\":{}}"
            : "{\"type\":\"text\",\"text\":\"\"}"
        return event("content_block_start", ",\"index\":0,\"content_block\":\(block)")
    }

    private func delta(_ delta: String) -> String {
        event("content_block_delta", ",\"index\":0,\"delta\":\(delta)")
    }

    func closing(_ completion: Int, wantsUsage: Bool) -> [String] {
        var out = completion > 0 ? [event("content_block_stop", ",\"index\":0")] : []
        if !script.omitsFinish {
            let usage = script.usage == "missing" ? "{}" : input(output: completion)
            let delta = "{\"stop_reason\":\"\(stop(after: completion))\",\"stop_sequence\":null}"
            out.append(event("message_delta", ",\"delta\":\(delta),\"usage\":\(usage)"))
        }
        if !script.omitsDone { out.append(event("message_stop")) }
        return out
    }

    private func stop(after completion: Int) -> String {
        isCut(after: completion) ? "max_tokens" : script.callsTool ? "tool_use" : "end_turn"
    }

    func answer(_ completion: Int) -> String {
        let text = String(repeating: "tok ", count: completion)
        let block =
            script.callsTool
            ? "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"get_weather\",\"input\":\(Self.arguments)}"
            : "{\"type\":\"text\",\"text\":\"\(text)\"}"
        return "{\"id\":\"msg_\(id)\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"\(script.name)\","
            + "\"content\":[\(block)],\"stop_reason\":\"\(stop(after: completion))\",\"stop_sequence\":null,"
            + "\"usage\":\(input(output: completion))}"
    }

    private static let types = [
        400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
        429: "rate_limit_error", 500: "api_error",
    ]

    var error: String {
        let type = Self.types[script.status] ?? "overloaded_error"
        return "{\"type\":\"error\",\"error\":{\"type\":\"\(type)\",\"message\":\"scripted failure\"},"
            + "\"request_id\":\"req_1\"}"
    }

    var errorEvent: String { "event: error\ndata: \(error)\n\n" }
}
