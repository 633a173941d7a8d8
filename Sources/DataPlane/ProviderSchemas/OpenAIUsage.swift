package import GatewayModel
package import JSONScan

/// Reads the `usage` object of the OpenAI wire format into disjoint counters.
package enum OpenAIUsage {
    /// `nil` when the object is missing what a charge needs or contradicts itself (negative, not whole, a part larger than
    /// its whole): the caller then falls back to what it counted itself.
    package static func read(_ usage: JSONView) -> TokenUsage? {
        guard usage.kind == .object, let prompt = count(usage["prompt_tokens"]),
            let completion = count(usage["completion_tokens"])
        else { return nil }
        let promptDetails = usage["prompt_tokens_details"]
        let cacheRead = count(promptDetails?["cached_tokens"]) ?? 0
        let cacheWrite = count(promptDetails?["cache_write_tokens"]) ?? 0
        let reasoning = count(usage["completion_tokens_details"]?["reasoning_tokens"]) ?? 0
        guard cacheRead + cacheWrite <= prompt, reasoning <= completion else { return nil }
        return TokenUsage(
            input: prompt - cacheRead - cacheWrite, cacheRead: cacheRead, cacheWrite: cacheWrite,
            output: completion - reasoning, reasoning: reasoning)
    }

    /// The largest count taken seriously: far above any context window, far below an overflow.
    private static let tokensMax: Int64 = 1_000_000_000

    private static func count(_ value: JSONView?) -> Int64? {
        guard let number = value?.integer, (0...tokensMax).contains(number) else { return nil }
        return number
    }
}
