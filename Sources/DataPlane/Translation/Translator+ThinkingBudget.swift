internal import JSONScan

/// For vendors whose `max_tokens` bounds the response but not the thinking.
///
/// Alibaba's Model Studio says: "does not cap reasoning tokens". The client's limit, like the hold, covers both, so it
/// is divided between them, and the model does not think unless asked to.
extension Translator {
    func splitLimit(_ request: ClientRequest, _ tokens: Int64, _ splice: inout JSONSplice) {
        let budget = request.body.withJSON { thinkingBudget(of: request, in: $0, tokens) }
        splice.set("enable_thinking", json: Array((budget > 0 ? "true" : "false").utf8))
        if budget > 0 { splice.set("thinking_budget", json: Self.digits(budget)) }
        splice.set("max_tokens", json: Self.digits(tokens - budget))
        splice.remove("max_completion_tokens")
    }

    /// Percentages of the limit, by `reasoning_effort`.
    private static let shares: [(effort: StaticString, share: Int64)] = [
        ("minimal", 10), ("low", 20), ("medium", 50), ("high", 75), ("xhigh", 90), ("max", 90),
    ]
    private static let shareDefault: Int64 = 50

    /// The thinking budget in tokens; 0 when no thinking is requested.
    private func thinkingBudget(
        of request: ClientRequest, in bytes: UnsafeBufferPointer<UInt8>, _ tokens: Int64
    ) -> Int64 {
        let switched = request.member("enable_thinking", in: bytes)?.bool
        let requested = request.member("thinking_budget", in: bytes)?.integer
        let effort = request.member("reasoning_effort", in: bytes)
        let asks = switched ?? (requested ?? 0 > 0 || effort?.hasText == true && effort?.isText("none") == false)
        guard asks, tokens > 1 else { return 0 }
        let share = Self.shares.first { effort?.isText($0.effort) == true }?.share ?? Self.shareDefault
        let wanted = requested ?? max(1, tokens / 100 * share)
        return min(max(1, wanted), tokens - 1)
    }
}
