/// A model's price from a certain instant on.
///
/// All amounts are integers, in nano-USD per million tokens or per image: 2 USD per million tokens is 2,000,000,000.
/// Prices of up to nine decimals are exact.
package struct Price: Hashable, Sendable {
    /// The id of the row in the price table, stored with every charge.
    package var id: Int64
    /// Milliseconds since 1970 UTC from which the price applies.
    package var effectiveFromMs: Int64
    package var tokens: TokenPrices
    /// Ordered by input size, smallest first.
    package var tiers: [PriceTier]
    /// Image prices by quality and size. A request that names neither gets the first.
    package var images: [ImagePrice]

    package init(
        id: Int64, effectiveFromMs: Int64, tokens: TokenPrices, tiers: [PriceTier] = [], images: [ImagePrice] = []
    ) {
        self.id = id
        self.effectiveFromMs = effectiveFromMs
        self.tokens = tokens
        self.tiers = tiers
        self.images = images
    }

    package init(
        id: Int64, effectiveFromMs: Int64, input: Int64, cacheRead: Int64, cacheWrite: Int64, output: Int64,
        reasoning: Int64
    ) {
        self.init(
            id: id, effectiveFromMs: effectiveFromMs,
            tokens: TokenPrices(
                input: input, cacheRead: cacheRead, cacheWrite: cacheWrite, output: output, reasoning: reasoning))
    }
}

extension Price {
    /// The charge for `usage`, rounded up once.
    ///
    /// The tier of the input size applies to the whole request. Saturates instead of overflowing, which no real request
    /// comes near.
    package func cost(of usage: TokenUsage) -> NanoUSD {
        let prompt = usage.prompt
        let tier = tiers.last { $0.aboveInputTokens < prompt }?.tokens ?? tokens
        return Self.rounded(
            tier.sum(usage), adding: UInt128(max(0, usage.images)) * perImage(at: usage.imagePriceIndex))
    }

    /// The highest possible cost of this many tokens, however the provider classifies them, and of these images.
    package func worstCase(
        inputTokens: Int64, outputTokens: Int64, images: Int64 = 0, imagePriceIndex: Int64 = 0
    ) -> NanoUSD {
        var sum = UInt128(0)
        forEachTier(reachableWith: inputTokens) { tier in
            // Two products of 126 bits each cannot overflow.
            sum = max(
                sum,
                UInt128(max(0, inputTokens)) * UInt128(tier.inputPriceMax)
                    + UInt128(max(0, outputTokens)) * UInt128(tier.outputPriceMax))
        }
        return Self.rounded(sum, adding: UInt128(max(0, images)) * perImage(at: imagePriceIndex))
    }

    /// The most expensive usage of at most this many tokens, however the provider classifies them.
    ///
    /// Its `cost(of:)` never exceeds `worstCase`.
    package func mostExpensiveUsage(inputTokens: Int64, outputTokens: Int64) -> TokenUsage {
        // If a higher tier is cheaper, the largest input of a lower tier may cost more.
        let inputs = [inputTokens] + tiers.map(\.aboveInputTokens).filter { $0 < inputTokens }
        let usages = inputs.map { input in
            let tier = tiers.last { $0.aboveInputTokens < input }?.tokens ?? tokens
            return tier.mostExpensiveUsage(inputTokens: input, outputTokens: outputTokens)
        }
        return usages.max { cost(of: $0) < cost(of: $1) } ?? TokenUsage()
    }

    /// How many output tokens `nano` pays for in addition to `inputTokens`, however the provider classifies them.
    package func outputTokens(affordableWith nano: NanoUSD, inputTokens: Int64) -> Int64 {
        let budget = UInt128(max(0, nano.nano)) * Self.scale
        var affordable = Int64.max
        forEachTier(reachableWith: inputTokens) { tier in
            let input = UInt128(max(0, inputTokens)) * UInt128(tier.inputPriceMax)
            guard budget >= input else {
                affordable = 0
                return
            }
            guard tier.outputPriceMax > 0 else { return }
            let tokens = (budget - input) / UInt128(tier.outputPriceMax)
            affordable = min(affordable, Int64(clamping: tokens))
        }
        return affordable
    }

    /// The index in `images` of the price for such an image; `nil` when images have no price of their own.
    ///
    /// A quality or size that is `nil`, in the request or in the price, matches any, and the first match counts.
    /// Without a match, the most expensive price applies.
    package func imagePriceIndex(quality: String?, size: String?) -> Int64? {
        func fits(_ own: String?, _ asked: String?) -> Bool { own == nil || asked == nil || own == asked }
        let index =
            images.firstIndex { fits($0.quality, quality) && fits($0.size, size) }
            ?? images.indices.max { images[$0].nano < images[$1].nano }
        return index.map { Int64($0) }
    }

    /// Whether a million input plus a million output tokens cost more than at the other price.
    package func isMoreExpensive(than other: Price) -> Bool {
        worstCase(inputTokens: 1_000_000, outputTokens: 1_000_000)
            > other.worstCase(inputTokens: 1_000_000, outputTokens: 1_000_000)
    }

    /// Whether output tokens cost anything, on any tier.
    package var pricesOutput: Bool { tokens.outputPriceMax > 0 || tiers.contains { $0.tokens.outputPriceMax > 0 } }

    private static let scale: UInt128 = 1_000_000

    private func perImage(at index: Int64) -> UInt128 {
        let known = Int(exactly: index).flatMap { images.indices.contains($0) ? images[$0].nano : nil }
        return UInt128(max(0, known ?? images.map(\.nano).max() ?? 0))
    }

    /// The request may have fewer input tokens than `inputTokens`, so every tier below that may apply.
    private func forEachTier(reachableWith inputTokens: Int64, _ body: (TokenPrices) -> Void) {
        body(tokens)
        for tier in tiers where tier.aboveInputTokens < inputTokens { body(tier.tokens) }
    }

    private static func rounded(_ millionths: UInt128, adding nano: UInt128) -> NanoUSD {
        let tokens = millionths / scale + (millionths % scale == 0 ? 0 : 1)
        return NanoUSD(Int64(clamping: tokens + nano))
    }
}

/// The JSON in a snapshot: token prices are inlined, empty lists are left out.
extension Price: Codable {
    private enum CodingKeys: String, CodingKey { case id, effectiveFromMs, tiers, images }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try values.decode(Int64.self, forKey: .id),
            effectiveFromMs: try values.decode(Int64.self, forKey: .effectiveFromMs),
            tokens: try TokenPrices(from: decoder),
            tiers: try values.decodeIfPresent([PriceTier].self, forKey: .tiers) ?? [],
            images: try values.decodeIfPresent([ImagePrice].self, forKey: .images) ?? [])
        tiers.sort { $0.aboveInputTokens < $1.aboveInputTokens }
    }

    package func encode(to encoder: any Encoder) throws {
        try tokens.encode(to: encoder)
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(id, forKey: .id)
        try values.encode(effectiveFromMs, forKey: .effectiveFromMs)
        if !tiers.isEmpty { try values.encode(tiers, forKey: .tiers) }
        if !images.isEmpty { try values.encode(images, forKey: .images) }
    }
}
