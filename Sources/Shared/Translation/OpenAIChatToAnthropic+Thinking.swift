internal import JSONScan

/// `reasoning_effort` as thinking.
extension OpenAIChatToAnthropic {
    struct ThinkingPlan {
        var mode: JSONTree?
        var effort: String?
        var isOn = false

        static var unasked: ThinkingPlan { ThinkingPlan() }
        static var off: ThinkingPlan { ThinkingPlan(mode: .object(["type": .text("disabled")])) }
    }

    /// The least a budget may be.
    private static let budgetMin: Int64 = 1024
    /// What must be left for the answer beside a budget.
    private static let answerMin: Int64 = 1024

    /// Thinking is left off where a tool must be called, which it forbids, and where results of tools are handed in: they would
    /// have to be preceded by the thoughts that led to the call, signed, and clients of OpenAI's format do not keep those.
    func thinking(_ tools: AnthropicTools) -> ThinkingPlan {
        let mayThink = !tools.forces && !conversation.endsWithResults
        guard mayThink else { return claude.thinksUnasked ? .off : .unasked }
        guard let wanted = member("reasoning_effort")?.string else { return .unasked }
        if wanted == "none" { return claude.thinking == .none ? .unasked : .off }
        switch claude.thinking {
        case .none: return .unasked
        case .adaptive:
            return ThinkingPlan(
                mode: .object(["type": .text("adaptive")]), effort: effort(wanted), isOn: true)
        case .budget:
            // The budget is part of `max_tokens`, which is what was held for: it is not raised for thinking.
            let share = Self.shares[wanted] ?? Self.shareDefault
            let budget = min(max(Self.budgetMin, outputTokensCap / 100 * share), outputTokens - Self.answerMin)
            guard budget >= Self.budgetMin else { return .unasked }
            return ThinkingPlan(
                mode: .object(["type": .text("enabled"), "budget_tokens": .number(budget)]), isOn: true)
        }
    }

    private func effort(_ wanted: String) -> String {
        switch wanted {
        case "minimal", "low": "low"
        case "medium", "high": wanted
        case "xhigh": claude.takesXHigh ? "xhigh" : "high"
        case "max": claude.takesXHigh ? "max" : "high"
        default: "medium"
        }
    }

    /// Per cent of the most the model gives.
    private static let shares: [String: Int64] = [
        "minimal": 2, "low": 10, "medium": 30, "high": 60, "xhigh": 90, "max": 90,
    ]
    private static let shareDefault: Int64 = 30
}
