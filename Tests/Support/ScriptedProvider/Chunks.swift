/// OpenAI's chat completions.
struct Chunks: Answers {
    let script: Script
    let id: String
    let created: Int

    private var envelope: String {
        let model = script.omitsModel ? "" : ",\"model\":\"\(script.statedName)\""
        return "\"id\":\"chatcmpl-\(id)\",\"created\":\(created)\(model)"
    }

    func chunk(_ delta: String, finish: String? = nil, usage: String? = nil) -> String {
        let reason = finish.map { "\"\($0)\"" } ?? "null"
        let tail = usage.map { ",\"usage\":\($0)" } ?? ""
        return "{\(envelope),\"object\":\"chat.completion.chunk\","
            + "\"choices\":[{\"index\":0,\"delta\":\(delta),\"logprobs\":null,\"finish_reason\":\(reason)}]\(tail)}"
    }

    private func event(_ json: String) -> String { "data: \(json)\n\n" }

    func opening() -> [String] { [event(chunk("{\"role\":\"assistant\",\"content\":\"\"}"))] }

    func content(_ at: Int) -> String { event(piece(at)) }

    func closing(_ completion: Int, wantsUsage: Bool) -> [String] {
        var out: [String] = []
        if !script.omitsFinish {
            let usage = script.usage == "finish" ? usage(completion) : nil
            out.append(event(chunk("{}", finish: finish(after: completion), usage: usage)))
        }
        if wantsUsage, script.usage != "missing", script.usage != "finish" {
            out.append(event(usageChunk(completion)))
            if script.usage == "twice" { out.append(event(usageChunk(completion))) }
        }
        if !script.omitsDone { out.append(event("[DONE]")) }
        return out
    }

    var error: String { Self.error(script) }
    var errorEvent: String { event(error) }

    private func piece(_ at: Int) -> String {
        guard script.callsTool else { return chunk("{\"content\":\"\(script.token)\"}") }
        if at == 0 {
            return chunk(
                "{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"function\","
                    + "\"function\":{\"name\":\"get_weather\",\"arguments\":\"\"}}]}")
        }
        let piece = at == 1 ? "{\\\"city\\\":" : at == 2 ? "\\\"Bonn\\\"}" : ""
        return chunk("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"\(piece)\"}}]}")
    }

    func usageChunk(_ completion: Int) -> String {
        "{\(envelope),\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":\(usage(completion))}"
    }

    func usage(_ completion: Int) -> String {
        let prompt = script.usage == "negative" ? -5 : script.promptTokens
        let shown = script.usage == "text" ? "\"many\"" : String(completion)
        return "{\"prompt_tokens\":\(prompt),\"completion_tokens\":\(shown),\"total_tokens\":\(prompt + completion),"
            + "\"prompt_tokens_details\":{\"cached_tokens\":\(script.cachedTokens)},"
            + "\"completion_tokens_details\":{\"reasoning_tokens\":\(script.reasoningTokens)}}"
    }

    func answer(_ completion: Int) -> String {
        let text = String(repeating: script.token, count: completion)
        let call =
            "{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"get_weather\","
            + "\"arguments\":\"{\\\"city\\\":\\\"Bonn\\\"}\"}}"
        let message =
            script.callsTool
            ? "{\"role\":\"assistant\",\"content\":null,\"refusal\":null,\"tool_calls\":[\(call)]}"
            : "{\"role\":\"assistant\",\"content\":\"\(text)\",\"refusal\":null}"
        let tail = script.usage == "missing" ? "" : ",\"usage\":\(usage(completion))"
        return "{\(envelope),\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":\(message),"
            + "\"logprobs\":null,\"finish_reason\":\"\(finish(after: completion))\"}]\(tail)}"
    }

    /// Why the answer ends after `tokens`.
    func finish(after tokens: Int) -> String {
        if let reason = script.finishReason { return reason }
        if isCut(after: tokens) { return "length" }
        return script.callsTool ? "tool_calls" : "stop"
    }

    static func error(_ script: Script) -> String {
        let type = script.saysQuota ? "insufficient_quota" : "server_error"
        return
            "{\"error\":{\"message\":\"scripted failure\(script.saysQuota ? ": insufficient_quota" : "")\",\"type\":\"\(type)\"}}"
    }
}
