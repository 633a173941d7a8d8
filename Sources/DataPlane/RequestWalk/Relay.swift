internal import Admission
internal import GatewayModel
internal import ProviderResponses

/// What has been relayed to the caller so far.
struct Relay {
    var model: String?
    /// The provider answered under another model name than its deployment declares.
    var isMisnamed = false
    /// The caller asked for the usage of the stream.
    var wantsUsage = false
    /// The provider's latest usage report.
    var usage: ProviderUsage?
    /// `usage` was reported before anything was produced, so it does not cover the answer.
    var usageIsPreview = false
    /// The usage of the whole answer as the provider reports it. A total of zero tokens is no report.
    var finalUsage: ProviderUsage? { usageIsPreview || usage?.tokens.total == 0 ? nil : usage }
    /// The last chunk, whose envelope the gateway's own chunks reuse.
    var lastChunk: ChatChunk?
    var contentDeltas: Int64 = 0
    var contentBytes: Int64 = 0
    /// Images received.
    var images: Int64 = 0
    var finished = false
    var firstByteMs: Int64 = 0
    /// The budget forced a smaller output limit than the caller asked for.
    var isCapped: Bool { affordableOutput != nil }
    /// That limit, per choice.
    var affordableOutput: Int64?
    /// Output tokens the hold pays for.
    var coveredTokens: Int64 = .max
    /// An extension of the hold was asked for.
    var isGrowing = false
    /// The hold is used up: the upstream is paused until it is extended.
    var waitsForHold = false
    /// The limit that kept the hold from growing as asked.
    var growthReason: LimitFacts?

    /// An upper bound for the output tokens that were relayed.
    var visibleTokens: Int64 { max(contentDeltas, contentBytes) }
    /// Since when the provider is paused.
    var pausedSinceMs: Int64?
    /// Tokens that may have been produced while it was paused and were not read since.
    var backlogTokens: Int64 = 0
    /// The provider answered with another model of the catalogue: the higher of the two prices.
    var dearerPrice: Price?
}
