package import JSONScan

/// Maps finish reasons to OpenAI's, because strictly typed clients fail on any other.
package enum FinishReason {
    /// Whether the value is one of OpenAI's five finish reasons.
    package static func isStandard(_ value: JSONView) -> Bool {
        value.isText("stop") || value.isText("length") || value.isText("tool_calls") || value.isText("content_filter")
            || value.isText("function_call")
    }

    /// OpenAI's equivalent of a vendor's finish reason; `stop` for unknown ones.
    package static func standard(_ value: JSONView) -> StaticString {
        if value.isText("length") || lengthWords.contains(where: value.isText) { return "length" }
        if value.isText("tool_calls") || value.isText("tool_use") { return "tool_calls" }
        if value.isText("function_call") { return "function_call" }
        if value.isText("content_filter") || filterWords.contains(where: value.isText) { return "content_filter" }
        return "stop"
    }

    /// From Mistral and Anthropic, and from DeepSeek when it runs out of capacity.
    private static let lengthWords: [StaticString] = [
        "model_length", "max_tokens", "model_context_window_exceeded", "insufficient_system_resource", "MAX_TOKENS",
    ]
    private static let filterWords: [StaticString] = [
        "refusal", "safety", "SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "RECITATION", "SPII",
    ]
}
