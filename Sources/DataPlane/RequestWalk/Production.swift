internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import Routing
internal import Translation

/// How much output can have been produced by an instant, whether it has passed or not.
///
/// What passes is counted by its bytes: a token of a byte-level tokenizer has at least one. What does not pass (thinking that
/// is not shown; anything while the connection is held back) is bounded by time: no model produces more than its
/// `tokensPerSecondMax`. A few tokens are always under way between producer and reader.
enum Production {
    /// Produced but not read yet, and what is still produced until a provider notices that the connection is closed.
    /// Per choice.
    static let underWayTokens: Int64 = 256
    /// What a choice has besides its text: markers of a turn and of its end are billed, too. An assumption: no vendor states a figure.
    static let markerTokens: Int64 = 8
    /// A hold is large enough for what can be produced within this time; reports are made more often.
    static let leadMs: Int64 = 2_000

    static func tokens(perSecond rate: Int64, overMs: Int64) -> Int64 {
        let (product, overflow) = rate.multipliedReportingOverflow(by: max(0, overMs))
        return overflow ? .max / 4 : product / 1000
    }
}

extension InferenceRequest {
    /// Whether closing the connection ends the bill. Only of streams does any vendor say so: a plain answer is worked on to its
    /// end (OpenRouter, "API streaming": a plain request that is aborted is billed for the complete response).
    func stopsWhenClosed(on target: RouteTarget) -> Bool { streams && target.deployment.afterClose == .stops }
}

extension RequestWalk {
    func stopsWhenClosed(_ target: RouteTarget) -> Bool { admitted?.request.stopsWhenClosed(on: target) ?? false }

    /// All choices together.
    var underWayTokens: Int64 { Estimate.product(Production.underWayTokens, admitted?.request.size.choices ?? 1) }

    /// All choices together.
    var markerTokens: Int64 { Estimate.product(Production.markerTokens, admitted?.request.size.choices ?? 1) }

    /// Output tokens a second, all choices together.
    func outputRate(of target: RouteTarget) -> Int64 {
        let rate = target.model.tokensPerSecondMax ?? ModelEntry.tokensPerSecondDefault
        return Estimate.product(rate, admitted?.request.size.choices ?? 1)
    }

    func mayThinkUnseen(_ target: RouteTarget) -> Bool {
        guard let request = admitted?.request else { return false }
        return request.operation == .chat && target.translator.mayThinkUnseen(whenAsked: request.asksToThink)
    }

    /// Without what is under way.
    func producedTokens(at now: Int64) -> Int64 {
        guard let attempt else { return 0 }
        let rate = outputRate(of: attempt.target)
        var unseen = relay.backlogTokens
        if let since = relay.pausedSinceMs { unseen += Production.tokens(perSecond: rate, overMs: now - since) }
        if mayThinkUnseen(attempt.target) {
            unseen += Production.tokens(perSecond: rate, overMs: now - attempt.startedMs)
        }
        return relay.visibleTokens + unseen
    }

    /// The provider is held back from here on: what it produces does not pass.
    mutating func pauseProduction(at now: Int64) {
        if relay.pausedSinceMs == nil { relay.pausedSinceMs = now }
    }

    mutating func resumeProduction(at now: Int64) {
        guard let since = relay.pausedSinceMs, let target = attempt?.target else { return }
        relay.backlogTokens += Production.tokens(perSecond: outputRate(of: target), overMs: now - since)
        relay.pausedSinceMs = nil
    }
}
