package import GatewayModel
package import JSONScan

/// A provider's `usage` object: the parsed counts and the raw JSON.
package struct ProviderUsage: Sendable {
    package var tokens: TokenUsage
    /// The object's bytes, with completion tokens corrected if the vendor means something else by them.
    package var raw: [UInt8]

    /// The cost the provider reports in USD (`cost`; OpenRouter, "Usage Accounting"), rounded to nano-USD.
    package var reportedCost: NanoUSD? {
        let usd = raw.withJSON { JSONView($0, 0..<$0.count)["cost"]?.double }
        guard let usd, (0...Self.usdMax).contains(usd) else { return nil }
        return NanoUSD(Int64((usd * 1e9).rounded()))
    }

    /// More than any request can cost; larger values are ignored.
    private static let usdMax = 1e6
}

/// What a vendor counts in its `usage` object.
package enum UsageShape: Sendable {
    /// Completion tokens include reasoning, prompt tokens include cached ones.
    case standard
    /// Completion tokens exclude reasoning, which only the total includes (xAI, Gemini's compatible endpoint).
    ///
    /// Completion is then total − prompt. Parts larger than their whole are reduced to it.
    case totalMinusPrompt
}

/// Reads the `usage` object of the OpenAI wire format into disjoint counters.
package enum OpenAIUsage {
    /// Like `read`, with the raw object, in which derived completion tokens (`totalMinusPrompt`) replace the vendor's.
    package static func usage(
        _ view: JSONView, of operation: Operation = .chat, shape: UsageShape = .standard
    ) -> ProviderUsage? {
        guard let tokens = read(view, of: operation, shape: shape) else { return nil }
        let raw = Array(view.raw)
        guard shape == .totalMinusPrompt, view["completion_tokens"]?.integer != tokens.output + tokens.reasoning,
            let members = try? JSONScanner.members(of: raw)
        else { return ProviderUsage(tokens: tokens, raw: raw) }
        var splice = JSONSplice(raw, members)
        splice.set("completion_tokens", json: Array(String(tokens.output + tokens.reasoning).utf8))
        return ProviderUsage(tokens: tokens, raw: splice.result())
    }

    /// The object's numbers, as far as they are valid; missing parts are 0.
    private struct Counts {
        var prompt: Int64?
        var completion: Int64?
        var total: Int64?
        var cacheRead: Int64 = 0
        var cacheWrite: Int64 = 0
        /// The part of `cacheWrite` that is kept for an hour.
        var cacheWriteHour: Int64 = 0
        var reasoning: Int64 = 0

        init(_ usage: JSONView) {
            var members = usage.members
            while let (name, value) = members.next() {
                if JSONString.equals(name, "prompt_tokens") {
                    prompt = count(value)
                } else if JSONString.equals(name, "completion_tokens") {
                    completion = count(value)
                } else if JSONString.equals(name, "total_tokens") {
                    total = count(value)
                } else if JSONString.equals(name, "prompt_tokens_details")
                    || JSONString.equals(name, "prompt_token_details")  // Mistral, misspelt
                {
                    cacheRead = max(cacheRead, count(value["cached_tokens"]) ?? 0)
                    cacheWrite = count(value["cache_write_tokens"]) ?? 0
                    // The gateway's own member, found in responses translated from Anthropic's.
                    cacheWriteHour = min(count(value["cache_write_1h_tokens"]) ?? 0, cacheWrite)
                } else if JSONString.equals(name, "prompt_cache_hit_tokens")  // DeepSeek
                    || JSONString.equals(name, "num_cached_tokens")  // Mistral
                {
                    cacheRead = max(cacheRead, count(value) ?? 0)
                } else if JSONString.equals(name, "completion_tokens_details") {
                    reasoning = count(value["reasoning_tokens"]) ?? 0
                }
            }
        }
    }

    /// Parses the counters.
    ///
    /// - Returns: `nil` when the object lacks what a charge needs or contradicts itself (negative or fractional
    ///   numbers, a part larger than its whole, all zero). The caller then falls back to its own count.
    package static func read(
        _ usage: JSONView, of operation: Operation = .chat, shape: UsageShape = .standard
    ) -> TokenUsage? {
        guard usage.kind == .object else { return nil }
        if operation == .image { return image(usage) }
        var counts = Counts(usage)
        // Embeddings have no output and do not report any.
        if operation == .embedding, counts.completion == nil { counts.completion = 0 }
        if shape == .totalMinusPrompt, let prompt = counts.prompt {
            guard let total = counts.total, total >= prompt else { return nil }
            let completion = total - prompt
            counts.completion = completion
            counts.reasoning = min(counts.reasoning, completion)
            counts.cacheRead = min(counts.cacheRead, prompt - min(counts.cacheWrite, prompt))
        }
        guard let prompt = counts.prompt, let completion = counts.completion,
            counts.cacheRead + counts.cacheWrite <= prompt, counts.reasoning <= completion, prompt + completion > 0
        else { return nil }
        return TokenUsage(
            input: prompt - counts.cacheRead - counts.cacheWrite, cacheRead: counts.cacheRead,
            cacheWrite: counts.cacheWrite - counts.cacheWriteHour, cacheWriteHour: counts.cacheWriteHour,
            output: completion - counts.reasoning, reasoning: counts.reasoning)
    }

    /// Image endpoints use other names for their counters (OpenAI API reference, "Create image").
    private static func image(_ usage: JSONView) -> TokenUsage? {
        let details = usage["input_tokens_details"]
        guard let input = count(usage["input_tokens"]), let output = count(usage["output_tokens"]), input + output > 0
        else { return nil }
        let cached = count(details?["cached_tokens"]) ?? 0
        let images = count(details?["image_tokens"]) ?? 0
        guard cached <= input, images <= input else { return nil }
        // Which tokens were cached is not reported: assume text first.
        let imageInput = min(images, input - cached)
        return TokenUsage(
            input: input - cached - imageInput, imageInput: imageInput, cacheRead: cached, output: output)
    }

    /// The largest plausible count: far above any context window, far below an overflow.
    private static let tokensMax: Int64 = 1_000_000_000

    private static func count(_ value: JSONView?) -> Int64? {
        guard let number = value?.integer, (0...tokensMax).contains(number) else { return nil }
        return number
    }
}
