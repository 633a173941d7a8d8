internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import Routing
internal import Translation

/// An upper bound for the output produced by a given instant, which may be in the future.
///
/// Output that passes through is counted by its bytes: a token of a byte-level tokenizer has at least one. Output that
/// does not (hidden reasoning; anything while the connection is paused) is bounded by time: no model produces more than
/// its `tokensPerSecondMax`. A few tokens are always in flight between producer and reader.
enum Production {
    /// Tokens per choice in flight: produced but not yet read, or produced before a provider notices the close.
    static let underWayTokens: Int64 = 256
    /// Billed tokens of a choice besides its text, such as turn and end markers. An assumption: no vendor states a
    /// figure.
    static let markerTokens: Int64 = 8
    /// A hold covers what can be produced within this time; progress is reported more often than that.
    static let leadMs: Int64 = 2_000

    static func tokens(perSecond rate: Int64, overMs: Int64) -> Int64 {
        let (product, overflow) = rate.multipliedReportingOverflow(by: max(0, overMs))
        return overflow ? .max / 4 : product / 1000
    }
}

extension InferenceRequest {
    /// Whether closing the connection ends the bill. Vendors say so of streams only: a plain answer is completed anyway
    /// (OpenRouter, "API streaming": an aborted plain request is billed for the complete response).
    func stopsWhenClosed(on target: RouteTarget) -> Bool { streams && target.deployment.afterClose == .stops }
}

extension RequestWalk {
    func stopsWhenClosed(_ target: RouteTarget) -> Bool { admitted?.request.stopsWhenClosed(on: target) ?? false }

    /// For all choices together.
    var underWayTokens: Int64 { Estimate.product(Production.underWayTokens, admitted?.request.size.choices ?? 1) }

    /// For all choices together.
    var markerTokens: Int64 { Estimate.product(Production.markerTokens, admitted?.request.size.choices ?? 1) }

    /// Output tokens per second, for all choices together.
    func outputRate(of target: RouteTarget) -> Int64 {
        let rate = target.model.tokensPerSecondMax ?? ModelEntry.tokensPerSecondDefault
        return Estimate.product(rate, admitted?.request.size.choices ?? 1)
    }

    func mayThinkUnseen(_ target: RouteTarget) -> Bool {
        guard let request = admitted?.request else { return false }
        return request.operation == .chat && target.translator.mayHideThinking(whenAsked: request.asksToThink)
    }

    /// Output tokens produced so far, without those in flight.
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

    /// The provider is paused from here on: its output no longer passes through.
    mutating func pauseProduction(at now: Int64) {
        if relay.pausedSinceMs == nil { relay.pausedSinceMs = now }
    }

    mutating func resumeProduction(at now: Int64) {
        guard let since = relay.pausedSinceMs, let target = attempt?.target else { return }
        relay.backlogTokens += Production.tokens(perSecond: outputRate(of: target), overMs: now - since)
        relay.pausedSinceMs = nil
    }
}
