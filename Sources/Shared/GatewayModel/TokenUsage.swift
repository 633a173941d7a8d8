/// The tokens of one request as five disjoint counters: prices apply to each directly and nothing is counted twice.
package struct TokenUsage: Hashable, Sendable, Codable {
    /// Input tokens that no provider cache served.
    package var input: Int64 = 0
    /// Input tokens read from the provider's prompt cache.
    package var cacheRead: Int64 = 0
    /// Input tokens written to the provider's prompt cache.
    package var cacheWrite: Int64 = 0
    /// Output tokens the caller can see.
    package var output: Int64 = 0
    /// Output tokens spent on reasoning.
    package var reasoning: Int64 = 0

    package init() {}

    package init(input: Int64, cacheRead: Int64 = 0, cacheWrite: Int64 = 0, output: Int64, reasoning: Int64 = 0) {
        self.input = input
        self.cacheRead = cacheRead
        self.cacheWrite = cacheWrite
        self.output = output
        self.reasoning = reasoning
    }

    package var total: Int64 { input + cacheRead + cacheWrite + output + reasoning }
}

/// Where the numbers of a charge come from.
package enum UsageSource: String, Sendable, Codable, CaseIterable {
    /// The provider reported them.
    case provider
    /// The gateway counted what passed through it.
    case counted
    /// Only a bound is known.
    case bounded
}

/// How an admitted request ended.
package enum Outcome: String, Sendable, Codable, CaseIterable {
    /// A complete answer reached the caller.
    case completed
    /// The provider broke off after its first event, or a deadline passed.
    case failed
    /// The caller left before the end.
    case cancelled
    /// The worker died; charged by what it last reported.
    case interrupted
}
