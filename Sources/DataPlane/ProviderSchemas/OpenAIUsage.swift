package import GatewayModel
package import JSONScan

/// A provider's `usage` object: what it counts to, and its own words.
package struct ProviderUsage: Sendable {
    package var tokens: TokenUsage
    /// The object as it stood.
    package var raw: [UInt8]
}

/// Reads the `usage` object of the OpenAI wire format into disjoint counters.
package enum OpenAIUsage {
    package static func usage(_ view: JSONView, of operation: Operation = .chat) -> ProviderUsage? {
        read(view, of: operation).map { ProviderUsage(tokens: $0, raw: Array(view.raw)) }
    }

    /// `nil` when the object is missing what a charge needs or contradicts itself (negative, not whole, a part larger than
    /// its whole, nothing at all): the caller then falls back to what it counted itself.
    package static func read(_ usage: JSONView, of operation: Operation = .chat) -> TokenUsage? {
        guard usage.kind == .object else { return nil }
        if operation == .image { return image(usage) }
        var prompt: Int64?
        // An embedding has no output, and says nothing of it.
        var completion: Int64? = operation == .embedding ? 0 : nil
        var cacheRead: Int64 = 0
        var cacheWrite: Int64 = 0
        var reasoning: Int64 = 0
        var members = usage.members
        while let (name, value) = members.next() {
            if JSONString.equals(name, "prompt_tokens") {
                prompt = count(value)
            } else if JSONString.equals(name, "completion_tokens") {
                completion = count(value)
            } else if JSONString.equals(name, "prompt_tokens_details") {
                cacheRead = count(value["cached_tokens"]) ?? 0
                cacheWrite = count(value["cache_write_tokens"]) ?? 0
            } else if JSONString.equals(name, "completion_tokens_details") {
                reasoning = count(value["reasoning_tokens"]) ?? 0
            }
        }
        guard let prompt, let completion, cacheRead + cacheWrite <= prompt, reasoning <= completion,
            prompt + completion > 0
        else { return nil }
        return TokenUsage(
            input: prompt - cacheRead - cacheWrite, cacheRead: cacheRead, cacheWrite: cacheWrite,
            output: completion - reasoning, reasoning: reasoning)
    }

    /// Image endpoints name their counters otherwise (OpenAI API reference, "Create image").
    private static func image(_ usage: JSONView) -> TokenUsage? {
        let details = usage["input_tokens_details"]
        guard let input = count(usage["input_tokens"]), let output = count(usage["output_tokens"]), input + output > 0
        else { return nil }
        let cached = count(details?["cached_tokens"]) ?? 0
        let images = count(details?["image_tokens"]) ?? 0
        guard cached <= input, images <= input else { return nil }
        // Which of them were cached is not said: text first.
        let imageInput = min(images, input - cached)
        return TokenUsage(
            input: input - cached - imageInput, imageInput: imageInput, cacheRead: cached, output: output)
    }

    /// The largest count taken seriously: far above any context window, far below an overflow.
    private static let tokensMax: Int64 = 1_000_000_000

    private static func count(_ value: JSONView?) -> Int64? {
        guard let number = value?.integer, (0...tokensMax).contains(number) else { return nil }
        return number
    }
}
