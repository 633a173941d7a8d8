internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import ProviderResponses
internal import Routing
internal import Translation

/// What is charged for each way to end (docs/prices.md has the table).
///
/// Never less than the provider may bill, never more than is held.
extension RequestWalk {
    /// - Parameter aheadMs: for a progress report, the time until the next one: if the worker dies in between, the
    ///   report must cover that time too.
    func charge(_ billing: Billing, at now: Int64, aheadMs: Int64 = 0) -> Charge {
        guard let admitted else { return .nothing }
        let target = attempt?.target ?? trail.askedTarget ?? admitted.plan.targets[0]
        var charge = Charge.nothing
        if let price = chargedPrice(of: target) {
            switch billing {
            case .nothing: break
            case .input: charge = bounded(at: price, input: inputBound(on: target), output: 0)
            case .whole: charge = whole(target, at: price, now)
            case .cut where relay.finished && relay.finalUsage != nil: charge = whole(target, at: price, now)
            case .cut: charge = cut(target, at: price, now, aheadMs)
            }
        }
        return charge.adding(trail.owed, at: admitted.hold)
    }

    /// The price of the declared model, or of the model the provider says it used if that is higher.
    func chargedPrice(of target: RouteTarget) -> Price? {
        relay.dearerPrice ?? target.model.price(atMs: context.wallMs)
    }

    func inputBound(on target: RouteTarget) -> Int64 {
        admitted.map { Estimate.inputBound($0.request.size, on: target.model) } ?? 0
    }

    /// The most output tokens that all choices together can have.
    func outputBound(on target: RouteTarget) -> Int64 {
        guard let size = admitted?.request.size else { return 0 }
        return Estimate.product(Estimate.outputBound(size, on: target.model), size.choices)
    }

    private func bounded(at price: Price, input: Int64, output: Int64) -> Charge {
        let usage = price.mostExpensiveUsage(inputTokens: input, outputTokens: output)
        return Charge(usage: usage, source: .bounded, cost: price.cost(of: usage))
    }

    /// The provider's own usage, else one token per relayed byte plus markers.
    private func whole(_ target: RouteTarget, at price: Price, _ now: Int64) -> Charge {
        guard let size = admitted?.request.size else { return .nothing }
        if admitted?.request.operation == .image, let charge = images(size, on: target.model, at: price) {
            return charge
        }
        if let usage = relay.finalUsage {
            let tokens = keptForAnHour(usage, by: target, at: price)
            return Charge(usage: tokens, source: .provider, cost: price.cost(of: tokens))
        }
        let output = mayThinkUnseen(target) ? outputBound(on: target) : relay.visibleTokens + markerTokens
        return bounded(at: price, input: inputBound(on: target), output: min(output, outputBound(on: target)))
    }

    /// Prices cache writes for an hour where the usage may include them, since they cost more.
    ///
    /// Anthropic reports these writes separately, but providers that relay to it report one number (OpenRouter, "Prompt
    /// caching"). That number is charged at the hourly price if the request may have asked for an hour, unless the cost
    /// that the provider reports is covered by the normal price.
    private func keptForAnHour(_ usage: ProviderUsage, by target: RouteTarget, at price: Price) -> TokenUsage {
        let tokens = usage.tokens
        guard tokens.cacheWrite > 0, !target.translator.reportsCacheLifetime,
            admitted?.request.mayAskToKeepForAnHour == true
        else { return tokens }
        if let said = usage.reportedCost, said <= price.cost(of: tokens) { return tokens }
        var hourly = tokens
        (hourly.cacheWrite, hourly.cacheWriteHour) = (0, tokens.cacheWriteHour + tokens.cacheWrite)
        return hourly
    }

    /// The charge for an answer that was cut.
    ///
    /// Where closing ends the bill, this is what can have been produced by now plus what is in flight. Elsewhere it is
    /// the whole bound.
    private func cut(_ target: RouteTarget, at price: Price, _ now: Int64, _ aheadMs: Int64) -> Charge {
        guard let admitted else { return .nothing }
        if admitted.request.operation == .image {
            let size = admitted.request.size
            let place = Estimate.imagePriceIndex(size, at: price)
            if let place { return images(size.choices, place, at: price) }
        }
        guard stopsWhenClosed(target) else {
            return bounded(at: price, input: inputBound(on: target), output: outputBound(on: target))
        }
        let ahead = Production.tokens(perSecond: outputRate(of: target), overMs: aheadMs)
        let seen = relay.usage?.tokens ?? TokenUsage()
        let produced = max(seen.output + seen.reasoning, producedTokens(at: now)) + underWayTokens + ahead
        let output = min(produced, outputBound(on: target))
        guard seen.prompt > 0 else { return bounded(at: price, input: inputBound(on: target), output: output) }
        // Some providers report the input usage first.
        var usage = seen
        let maximum = price.mostExpensiveUsage(inputTokens: 0, outputTokens: output)
        (usage.output, usage.reasoning) = (maximum.output, maximum.reasoning)
        return Charge(usage: usage, source: .bounded, cost: price.cost(of: usage))
    }

    /// The charge for images whose tokens are not reported or that are priced per image.
    ///
    /// - Returns: `nil` if the reported tokens are to be charged.
    private func images(_ size: RequestSize, on model: ModelEntry, at price: Price) -> Charge? {
        guard relay.usage == nil || !price.pricesOutput else { return nil }
        if let place = Estimate.imagePriceIndex(size, at: price) { return images(relay.images, place, at: price) }
        guard relay.usage == nil else { return nil }
        return bounded(
            at: price, input: Estimate.inputBound(size, on: model),
            output: Estimate.outputBound(size, on: model, images: relay.images))
    }

    private func images(_ count: Int64, _ place: Int64, at price: Price) -> Charge {
        var usage = relay.usage?.tokens ?? TokenUsage()
        if relay.usage == nil, let size = admitted?.request.size, let target = attempt?.target ?? trail.askedTarget {
            usage = price.mostExpensiveUsage(inputTokens: Estimate.inputBound(size, on: target.model), outputTokens: 0)
        }
        usage.images = count
        usage.imagePriceIndex = place
        return Charge(usage: usage, source: relay.usage == nil ? .bounded : .provider, cost: price.cost(of: usage))
    }
}
