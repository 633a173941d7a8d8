internal import Admission
internal import GatewayModel
internal import ProviderSchemas

/// What has passed through to the caller so far.
struct Relay {
    var model: String?
    /// The provider answered with a model of another name than it is declared to serve.
    var isMisnamed = false
    /// The caller asked for the usage of his stream.
    var wantsUsage = false
    /// The provider's last word on usage.
    var usage: ProviderUsage?
    /// It was said before anything was produced: what the answer came to is not known.
    var usageIsPreview = false
    /// What the whole answer came to, by the provider's word. No answer is made of no tokens: such a usage says nothing.
    var finalUsage: ProviderUsage? { usageIsPreview || usage?.tokens.total == 0 ? nil : usage }
    /// The last chunk, whose envelope the usage chunk reuses.
    var lastChunk: ChatChunk?
    var contentDeltas: Int64 = 0
    var contentBytes: Int64 = 0
    /// Images made.
    var images: Int64 = 0
    var finished = false
    var firstByteMs: Int64 = 0
    /// The money asked for a smaller output limit than the caller did.
    var isCapped: Bool { affordableOutput != nil }
    /// That limit, for each choice.
    var affordableOutput: Int64?
    /// Output tokens the hold pays for.
    var coveredTokens: Int64 = .max
    /// A larger hold was asked for.
    var isGrowing = false
    /// Nothing more is covered: the engine waits for a larger hold.
    var waitsForHold = false
    /// Why the hold could not grow as asked.
    var growthReason: LimitFacts?

    /// Output tokens that have passed, at most.
    var visibleTokens: Int64 { max(contentDeltas, contentBytes) }
    /// While the provider is held back.
    var pausedSinceMs: Int64?
    /// Produced while it was held back and not read since.
    var backlogTokens: Int64 = 0
    /// The provider answered with another model of the catalogue: the dearer of the two prices.
    var dearerPrice: Price?
}
