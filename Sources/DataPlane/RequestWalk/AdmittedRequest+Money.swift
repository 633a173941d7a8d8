internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import ResponseCache
internal import Routing
internal import Translation

extension InferenceRequest {
    /// Whether closing the connection ends the bill. Vendors say so of streams only: a plain answer is completed anyway
    /// (OpenRouter, "API streaming": an aborted plain request is billed for the complete response).
    func stopsWhenClosed(on target: RouteTarget) -> Bool { streams && target.deployment.afterClose == .stops }

    /// Whether the hold starts with one slice and is extended. True for streams whose bill ends when they are closed.
    func growsOn(_ target: RouteTarget) -> Bool { stopsWhenClosed(on: target) }

    /// Output tokens per choice in the first hold and in each extension: twice `Production.leadMs` of output, at least.
    func slice(on target: RouteTarget) -> Int64 {
        let rate = target.model.tokensPerSecondMax ?? ModelEntry.tokensPerSecondDefault
        let lead = Production.tokens(perSecond: rate, overMs: 2 * Production.leadMs)
        return max(Estimate.sliceTokens, lead + Production.underWayTokens)
    }

    /// The hold before a deployment is called, which is also the charge if this worker dies before it reports more.
    ///
    /// - Returns: `nil` where no price is in force.
    func firstHold(on target: RouteTarget, atMs now: Int64) -> (wanted: NanoUSD, least: NanoUSD)? {
        guard let price = target.model.price(atMs: now) else { return nil }
        let bound = Estimate.outputBound(size, on: target.model)
        func cost(_ outputTokens: Int64) -> NanoUSD {
            Estimate.worstCase(size, on: target.model, at: price, outputTokens: outputTokens)
        }
        let wanted = cost(growsOn(target) ? min(bound, slice(on: target)) : bound)
        // An image cannot be cut short: all of its price is held, or nothing is spent.
        let least = operation == .image ? wanted : cost(min(bound, Estimate.outputTokensMin))
        return (wanted, least)
    }
}

extension AdmittedRequest {
    /// The body for the deployment that the translator is of.
    func body(
        through translator: Translator, outputLimit: Int64?, _ secrets: CacheSecrets?
    ) throws(GatewayError) -> [UInt8] {
        let orgID = scopes.orgID
        return try translator.body(
            of: request.given, outputTokens: outputLimit ?? request.size.outputTokensMax,
            promptCacheKey: secrets.map { secrets in { secrets.promptCacheKey(org: orgID, own: $0) } })
    }

    /// Output tokens, over all choices, that the hold pays for after `owed`.
    ///
    /// `.max` when the hold covers the output bound: a provider that keeps to its limit then stops by itself.
    ///
    /// - Parameter limit: the output limit per choice that the budget forced, if any.
    func coveredTokens(on target: RouteTarget, limit: Int64?, owed: NanoUSD, atMs now: Int64) -> Int64 {
        guard request.growsOn(target) else { return .max }
        let covered = tokens(for: NanoUSD(hold.nano - owed.nano), on: target.model, atMs: now)
        let bound = Estimate.outputBound(request.size, on: target.model)
        return covered / request.size.choices >= min(bound, limit ?? bound) ? .max : covered
    }

    /// The output limit per choice that the budget forces; `nil` where the money suffices. A stream whose hold is
    /// extended may also use money beyond it.
    func affordableOutput(on target: RouteTarget, owed: NanoUSD, atMs now: Int64) -> Int64? {
        guard request.operation != .image, let left = admission.moneyLeft else { return nil }
        let budget = request.growsOn(target) ? hold.nano + left.nano : hold.nano
        let each = tokens(for: NanoUSD(budget - owed.nano), on: target.model, atMs: now) / request.size.choices
        return each < Estimate.outputBound(request.size, on: target.model) ? max(1, each) : nil
    }

    private func tokens(for nano: NanoUSD, on model: ModelEntry, atMs now: Int64) -> Int64 {
        model.price(atMs: now)?.outputTokens(
            affordableWith: nano, inputTokens: Estimate.inputBound(request.size, on: model)) ?? .max
    }

    /// Output tokens per second, for all choices together.
    func outputRate(on target: RouteTarget) -> Int64 {
        let rate = target.model.tokensPerSecondMax ?? ModelEntry.tokensPerSecondDefault
        return Estimate.product(rate, request.size.choices)
    }
}
