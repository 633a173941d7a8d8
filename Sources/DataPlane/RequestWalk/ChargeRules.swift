internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import ProviderResponses
internal import Routing
internal import Translation

/// What is charged for each way to end (docs/request-walk.md has the table).
///
/// Never less than the provider may bill.
struct ChargeRules {
    let request: InferenceRequest
    let target: RouteTarget
    let translator: Translator
    let price: Price
    let tally: AnswerTally

    private var size: RequestSize { request.size }

    private var inputBound: Int64 { Estimate.inputBound(size, on: target.model) }

    /// The most output tokens that all choices together can have.
    private var outputBound: Int64 { Estimate.product(Estimate.outputBound(size, on: target.model), size.choices) }

    private func bounded(input: Int64, output: Int64) -> Charge {
        let usage = price.mostExpensiveUsage(inputTokens: input, outputTokens: output)
        return Charge(usage: usage, source: .bounded, cost: price.cost(of: usage))
    }

    /// The connection was lost before a response head, too often for this key.
    func input() -> Charge { bounded(input: inputBound, output: 0) }

    /// A complete answer: the provider's own usage, else one token per relayed byte plus markers.
    func whole() -> Charge {
        if request.operation == .image, let charge = images() { return charge }
        if let usage = tally.finalUsage {
            let tokens = pricedForAnHour(usage)
            return Charge(usage: tokens, source: .provider, cost: price.cost(of: tokens))
        }
        let markers = Estimate.product(Production.markerTokens, size.choices)
        let output = request.mayThinkUnseen(through: translator) ? outputBound : tally.visibleTokens + markers
        return bounded(input: inputBound, output: min(output, outputBound))
    }

    /// Prices cache writes for an hour where the usage may include them, since they cost more.
    ///
    /// Anthropic reports these writes separately, but providers that relay to it report one number (OpenRouter, "Prompt
    /// caching"). That number is charged at the hourly price if the request may have asked for an hour, unless the cost
    /// that the provider reports is covered by the normal price.
    private func pricedForAnHour(_ usage: ProviderUsage) -> TokenUsage {
        let tokens = usage.tokens
        guard tokens.cacheWrite > 0, !translator.reportsCacheLifetime, request.mayAskToKeepForAnHour else {
            return tokens
        }
        if let said = usage.reportedCost, said <= price.cost(of: tokens) { return tokens }
        var hourly = tokens
        (hourly.cacheWrite, hourly.cacheWriteHour) = (0, tokens.cacheWriteHour + tokens.cacheWrite)
        return hourly
    }

    /// An answer that was cut.
    ///
    /// Where closing ends the bill, this is what can have been produced by now plus what is in flight. Elsewhere it is
    /// the whole bound.
    ///
    /// - Parameter produced: output tokens that can have been produced so far.
    /// - Parameter ahead: those that may be produced beyond.
    func cut(produced: Int64, ahead: Int64) -> Charge {
        if request.operation == .image, let place = Estimate.imagePriceIndex(size, at: price) {
            return images(size.choices, place)
        }
        guard request.stopsWhenClosed(on: target) else { return bounded(input: inputBound, output: outputBound) }
        let seen = tally.usage?.tokens ?? TokenUsage()
        let output = min(max(seen.output + seen.reasoning, produced) + ahead, outputBound)
        guard seen.prompt > 0 else { return bounded(input: inputBound, output: output) }
        // Some providers report the input usage first.
        var usage = seen
        let maximum = price.mostExpensiveUsage(inputTokens: 0, outputTokens: output)
        (usage.output, usage.reasoning) = (maximum.output, maximum.reasoning)
        return Charge(usage: usage, source: .bounded, cost: price.cost(of: usage))
    }

    /// The charge for images whose tokens are not reported or that are priced per image.
    ///
    /// - Returns: `nil` if the reported tokens are to be charged.
    private func images() -> Charge? {
        guard tally.usage == nil || !price.pricesOutput else { return nil }
        if let place = Estimate.imagePriceIndex(size, at: price) { return images(tally.images, place) }
        guard tally.usage == nil else { return nil }
        return bounded(input: inputBound, output: Estimate.outputBound(size, on: target.model, images: tally.images))
    }

    private func images(_ count: Int64, _ place: Int64) -> Charge {
        var usage = tally.usage?.tokens ?? price.mostExpensiveUsage(inputTokens: inputBound, outputTokens: 0)
        usage.images = count
        usage.imagePriceIndex = place
        return Charge(usage: usage, source: tally.usage == nil ? .bounded : .provider, cost: price.cost(of: usage))
    }
}

extension InferenceRequest {
    func mayThinkUnseen(through translator: Translator) -> Bool {
        operation == .chat && translator.mayHideThinking(whenAsked: asksToThink)
    }
}
