/// The JSON of a text completion: every prompt has `n` choices, each of the script's tokens.
struct Completions {
    let script: Script
    let request: ProviderRequest
    let id: String
    let created: Int

    private var prompts: Int { request.prompt?.all.count ?? 1 }
    private var choices: Int { prompts * (request.n ?? 1) }
    private var tokens: Int { script.completionTokens(limit: request.max_tokens ?? 16) }

    var promptTokens: Int { script.promptTokens * prompts }
    /// `best_of` choices are generated and billed, even if fewer are returned.
    var outputTokens: Int { tokens * prompts * max(request.n ?? 1, request.best_of ?? 1) }

    private var finish: String { tokens < script.completionTokens(limit: nil) ? "length" : "stop" }

    private func envelope(_ choices: String, _ usage: String?) -> String {
        "{\"id\":\"cmpl-\(id)\",\"object\":\"text_completion\",\"created\":\(created),\"model\":\"\(script.name)\","
            + "\"choices\":[\(choices)]" + (usage.map { ",\"usage\":\($0)" } ?? "") + "}"
    }

    private func choice(_ index: Int, _ text: String, _ finish: String?) -> String {
        "{\"text\":\"\(text)\",\"index\":\(index),\"logprobs\":null,\"finish_reason\":\(finish.map { "\"\($0)\"" } ?? "null")}"
    }

    private var usage: String {
        "{\"prompt_tokens\":\(promptTokens),\"completion_tokens\":\(outputTokens),"
            + "\"total_tokens\":\(promptTokens + outputTokens)}"
    }

    var answer: String {
        let text = String(repeating: "tok ", count: tokens)
        let all = (0..<choices).map { choice($0, text, finish) }.joined(separator: ",")
        return envelope(all, script.usage == "missing" ? nil : usage)
    }

    /// The data of each event of the stream, without `[DONE]`.
    func events(wantsUsage: Bool) -> [String] {
        var out: [String] = []
        for index in 0..<choices {
            for at in 0..<tokens { out.append(envelope(choice(index, "tok ", at + 1 == tokens ? finish : nil), nil)) }
        }
        if wantsUsage, script.usage != "missing" { out.append(envelope("", usage)) }
        return out
    }
}
