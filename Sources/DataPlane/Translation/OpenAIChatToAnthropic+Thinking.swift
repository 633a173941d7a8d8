internal import JSONScan

/// Translates `reasoning_effort` into Anthropic's thinking.
extension OpenAIChatToAnthropic {
    struct ThinkingPlan {
        var mode: JSONTree?
        var effort: String?
        var isOn = false

        static var byDefault: ThinkingPlan { ThinkingPlan() }
        static var off: ThinkingPlan { ThinkingPlan(mode: .object(["type": .text("disabled")])) }
    }

    /// The smallest budget Anthropic accepts.
    private static let budgetMin: Int64 = 1024
    /// Tokens that must be left for the response beside a thinking budget.
    private static let answerMin: Int64 = 1024

    /// Thinking is off if a tool must be called, because Anthropic forbids the combination, and after tool results.
    ///
    /// Those would have to be preceded by the signed thoughts that led to the call, which OpenAI clients do not keep.
    func thinking(_ tools: AnthropicTools) -> ThinkingPlan {
        let mayThink = !tools.forces && !conversation.endsWithResults
        guard mayThink else { return claude.thinksByDefault ? .off : .byDefault }
        guard let wanted = member("reasoning_effort")?.string else { return .byDefault }
        if wanted == "none" { return claude.thinking == .none ? .byDefault : .off }
        switch claude.thinking {
        case .none: return .byDefault
        case .adaptive:
            return ThinkingPlan(
                mode: .object(["type": .text("adaptive")]), effort: effort(wanted), isOn: true)
        case .budget:
            // The budget is part of `max_tokens`, which the hold is based on, so thinking does not raise it.
            let share = Self.shares[wanted] ?? Self.shareDefault
            let budget = min(max(Self.budgetMin, outputTokensCap / 100 * share), outputTokens - Self.answerMin)
            guard budget >= Self.budgetMin else { return .byDefault }
            return ThinkingPlan(
                mode: .object(["type": .text("enabled"), "budget_tokens": .number(budget)]), isOn: true)
        }
    }

    private func effort(_ wanted: String) -> String {
        switch wanted {
        case "minimal", "low": "low"
        case "medium", "high": wanted
        case "xhigh": claude.supportsXHigh ? "xhigh" : "high"
        case "max": claude.supportsXHigh ? "max" : "high"
        default: "medium"
        }
    }

    /// Percentages of the model's output limit.
    private static let shares: [String: Int64] = [
        "minimal": 2, "low": 10, "medium": 30, "high": 60, "xhigh": 90, "max": 90,
    ]
    private static let shareDefault: Int64 = 30
}
