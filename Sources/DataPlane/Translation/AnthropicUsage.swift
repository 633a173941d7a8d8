internal import GatewayModel
internal import JSONScan
internal import ProviderResponses

/// Anthropic's counters. Input excludes cache reads and writes; output includes thinking.
///
/// In a stream they are cumulative: a later value replaces an earlier one.
struct AnthropicUsage: Sendable {
    private var input: Int64?
    private var cacheRead: Int64 = 0
    private var cacheWrite: Int64 = 0
    /// The part of `cacheWrite` that is kept for an hour, which has its own price.
    private var cacheWriteHour: Int64 = 0
    private var output: Int64?
    private var thinking: Int64 = 0

    mutating func update(with usage: JSONView) {
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

    /// The counters as OpenAI's usage object; `null` when they are insufficient for a charge.
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

/// Maps Claude's stop reasons to OpenAI's.
enum AnthropicStop {
    static func finishReason(_ reason: JSONView?) -> StaticString {
        // `end_turn`, `stop_sequence`, `pause_turn` and unknown reasons become `stop`.
        reason.map(FinishReason.standard) ?? "stop"
    }
}
