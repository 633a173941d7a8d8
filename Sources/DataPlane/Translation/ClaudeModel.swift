/// What each generation of Claude accepts (Anthropic's model overview, mid-2026).
///
/// Unknown names are treated like the newest generation, which has the narrowest restrictions.
struct ClaudeModel: Sendable {
    enum Sampling: Sendable {
        case refused
        /// Temperature or `top_p`, not both.
        case one
        case both
    }

    enum Thinking: Sendable {
        case none
        /// `budget_tokens`.
        case budget
        /// `adaptive`, with an effort.
        case adaptive
    }

    let sampling: Sampling
    let thinking: Thinking
    /// Whether it thinks without being asked to.
    var thinksByDefault = false
    /// Whether the name is unknown, so that it may think unasked.
    var isUnknown = false
    /// Whether it accepts the effort `xhigh`.
    var supportsXHigh = true
    /// Whether it supports responses that follow a JSON schema.
    var supportsSchema = true

    init(named name: String) {
        self = Self.known.first { name.contains($0.part) }?.model ?? Self.unknown
    }

    private init(
        _ sampling: Sampling, _ thinking: Thinking, thinksByDefault: Bool = false, isUnknown: Bool = false,
        supportsXHigh: Bool = true,
        supportsSchema: Bool = true
    ) {
        self.sampling = sampling
        self.thinking = thinking
        self.thinksByDefault = thinksByDefault
        self.isUnknown = isUnknown
        self.supportsXHigh = supportsXHigh
        self.supportsSchema = supportsSchema
    }

    private static let newest = ClaudeModel(.refused, .adaptive)
    private static let unknown = ClaudeModel(.refused, .adaptive, isUnknown: true)
    private static let previous = ClaudeModel(.both, .adaptive, supportsXHigh: false)
    private static let budgeted = ClaudeModel(.one, .budget)
    private static let first = ClaudeModel(.both, .budget, supportsSchema: false)

    /// By a part of the name; the first match counts.
    private static let known: [(part: String, model: ClaudeModel)] = [
        ("sonnet-5", ClaudeModel(.refused, .adaptive, thinksByDefault: true)),
        ("opus-5-5", unknown), ("opus-5", newest), ("fable-5", newest), ("opus-4-8", newest), ("opus-4-7", newest),
        ("opus-4-6", previous), ("sonnet-4-6", previous),
        ("opus-4-5", budgeted), ("sonnet-4-5", budgeted), ("haiku-4-5", budgeted), ("opus-4-1", budgeted),
        ("sonnet-4-2025", first), ("opus-4-2025", first), ("sonnet-4-0", first), ("opus-4-0", first),
        ("claude-3-7", first), ("claude-3", ClaudeModel(.both, .none, supportsSchema: false)),
    ]
}
