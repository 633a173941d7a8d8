internal import GatewayModel
internal import JSONScan
internal import ProviderSchemas

/// Anthropic's counters. Its input leaves out what was read from and written to a cache; its output has the thinking in it.
/// Values of a stream are cumulative: a later one replaces an earlier one.
struct AnthropicUsage: Sendable {
    private var input: Int64?
    private var cacheRead: Int64 = 0
    private var cacheWrite: Int64 = 0
    /// What of it is kept for an hour, at a price of its own.
    private var cacheWriteHour: Int64 = 0
    private var output: Int64?
    private var thinking: Int64 = 0

    mutating func take(_ usage: JSONView) {
        var members = usage.members
        while let (name, value) = members.next() {
            if JSONString.equals(name, "input_tokens") {
                input = Self.count(value) ?? input
            } else if JSONString.equals(name, "cache_read_input_tokens") {
                cacheRead = Self.count(value) ?? cacheRead
            } else if JSONString.equals(name, "cache_creation_input_tokens") {
                cacheWrite = Self.count(value) ?? cacheWrite
            } else if JSONString.equals(name, "cache_creation") {
                cacheWriteHour = Self.count(value["ephemeral_1h_input_tokens"]) ?? cacheWriteHour
            } else if JSONString.equals(name, "output_tokens") {
                output = Self.count(value) ?? output
            } else if JSONString.equals(name, "output_tokens_details") {
                thinking = Self.count(value["thinking_tokens"]) ?? thinking
            }
        }
    }

    /// As OpenAI's object; `null` when it does not say what a charge needs.
    var openAI: JSONTree {
        guard let input, let output, thinking <= output else { return .null }
        let prompt = input + cacheRead + cacheWrite
        return .object([
            "prompt_tokens": .number(prompt), "completion_tokens": .number(output),
            "total_tokens": .number(prompt + output),
            "prompt_tokens_details": .object([
                "cached_tokens": .number(cacheRead), "cache_write_tokens": .number(cacheWrite),
                "cache_write_1h_tokens": cacheWriteHour > 0 ? .number(cacheWriteHour) : nil,
            ]),
            "completion_tokens_details": .object(["reasoning_tokens": .number(thinking)]),
        ])
    }

    private static let tokensMax: Int64 = 1_000_000_000

    private static func count(_ value: JSONView?) -> Int64? {
        guard let number = value?.integer, (0...tokensMax).contains(number) else { return nil }
        return number
    }
}

/// Why Claude stopped, in OpenAI's words.
enum AnthropicStop {
    static func finishReason(_ reason: JSONView?) -> StaticString {
        // `end_turn`, `stop_sequence`, `pause_turn`, and whatever is new, is `stop`.
        reason.map(FinishReason.standard) ?? "stop"
    }
}
