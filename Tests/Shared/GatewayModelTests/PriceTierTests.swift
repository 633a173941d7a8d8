import Foundation
import GatewayModel
import Testing

@Suite struct PriceTierTests {
    private let price = Price(
        id: 1, effectiveFromMs: 0,
        tokens: TokenPrices(
            input: 2_000_000, imageInput: 3_000_000, cacheRead: 1_000_000, cacheWrite: 4_000_000,
            cacheWriteHour: 5_000_000,
            output: 6_000_000, reasoning: 7_000_000),
        tiers: [
            PriceTier(
                aboveInputTokens: 200,
                tokens: TokenPrices(
                    input: 20_000_000, cacheRead: 10_000_000, cacheWrite: 40_000_000, output: 60_000_000,
                    reasoning: 70_000_000))
        ],
        images: [
            ImagePrice(quality: "standard", size: "1024x1024", nano: 40),
            ImagePrice(quality: "standard", size: "1024x1792", nano: 80),
            ImagePrice(quality: "hd", size: "1024x1024", nano: 81),
            ImagePrice(quality: "hd", size: "1024x1792", nano: 120),
        ])

    @Test("the whole request is charged by the tier its input falls into, however the input is classified")
    func tiers() {
        #expect(price.cost(of: TokenUsage(input: 200, output: 10)).nano == 400 + 60)
        #expect(price.cost(of: TokenUsage(input: 201, output: 10)).nano == 4_020 + 600)
        #expect(price.cost(of: TokenUsage(input: 1, cacheRead: 200, output: 0)).nano == 20 + 2_000)
        #expect(price.cost(of: TokenUsage(input: 1, output: 1_000)).nano == 2 + 6_000, "output makes no tier")
    }

    @Test("every counter has its own price")
    func counters() {
        let usage = TokenUsage(
            input: 1, imageInput: 10, cacheRead: 20, cacheWrite: 30, cacheWriteHour: 40, output: 50, reasoning: 60)
        #expect(price.cost(of: usage).nano == 2 + 30 + 20 + 120 + 200 + 300 + 420)
        #expect(usage.prompt == 101 && usage.total == 211)
    }

    @Test(
        "an image costs by what was asked for",
        arguments: [
            (nil, nil, 40), ("standard", nil, 40), (nil, "1024x1792", 80), ("hd", nil, 81), ("hd", "1024x1792", 120),
            ("hd", "9x9", 120), ("vivid", nil, 120),
        ] as [(String?, String?, Int64)])
    func images(quality: String?, size: String?, nano: Int64) throws {
        let place = try #require(price.imagePriceIndex(quality: quality, size: size))
        #expect(price.cost(of: TokenUsage(input: 1, output: 0, images: 3, imagePriceIndex: place)).nano == 2 + 3 * nano)
    }

    @Test("images without a price of their own have no place, and a place nobody knows is as dear as the dearest")
    func noImages() {
        var plain = price
        plain.images = []
        #expect(plain.imagePriceIndex(quality: "hd", size: nil) == nil)
        #expect(plain.cost(of: TokenUsage(input: 0, output: 0, images: 3)).nano == 0)
        #expect(price.cost(of: TokenUsage(input: 0, output: 0, images: 1, imagePriceIndex: 99)).nano == 120)
        #expect(price.cost(of: TokenUsage(input: 0, output: 0, images: 1, imagePriceIndex: -1)).nano == 120)
    }

    @Test("saturates where everything is as large as can be")
    func saturates() {
        let most = TokenPrices(
            input: .max, cacheRead: .max, cacheWrite: .max, output: .max, reasoning: .max)
        let dear = Price(
            id: 1, effectiveFromMs: 0, tokens: most, images: [ImagePrice(quality: nil, size: nil, nano: .max)])
        let usage = TokenUsage(
            input: .max, imageInput: .max, cacheRead: .max, cacheWrite: .max, cacheWriteHour: .max, output: .max,
            reasoning: .max, images: .max)
        #expect(dear.cost(of: usage).nano == .max && usage.total == .max)
        #expect(dear.worstCase(inputTokens: .max, outputTokens: .max, images: .max).nano == .max)
        #expect(dear.outputTokens(affordableWith: NanoUSD(.max), inputTokens: .max) == 0)
    }

    @Test("reads what it writes, and prices from before there were tiers")
    func coding() throws {
        let data = try JSONEncoder().encode(price)
        #expect(try JSONDecoder().decode(Price.self, from: data) == price)
        let old = #"{"id":1,"effectiveFromMs":2,"input":3,"cacheRead":4,"cacheWrite":5,"output":6,"reasoning":7}"#
        let read = try JSONDecoder().decode(Price.self, from: Data(old.utf8))
        #expect(
            read == Price(id: 1, effectiveFromMs: 2, input: 3, cacheRead: 4, cacheWrite: 5, output: 6, reasoning: 7))
        let usage = #"{"input":1,"cacheRead":2,"cacheWrite":3,"output":4,"reasoning":5}"#
        #expect(
            try JSONDecoder().decode(TokenUsage.self, from: Data(usage.utf8))
                == TokenUsage(input: 1, cacheRead: 2, cacheWrite: 3, output: 4, reasoning: 5))
    }
}

/// The hold suffices whatever the price and whatever the provider reports.
@Suite struct PriceBoundTests {
    private static func tokens(_ random: inout SplitMix64) -> TokenPrices {
        // Tiers may be cheaper than lower ones, and kinds of tokens more expensive than usual.
        func nano() -> Int64 {
            Bool.random(using: &random)
                ? .random(in: 0...5, using: &random) : .random(in: 0...90_000_000_000, using: &random)
        }
        return TokenPrices(
            input: nano(), imageInput: nano(), cacheRead: nano(), cacheWrite: nano(), cacheWriteHour: nano(),
            output: nano(),
            reasoning: nano())
    }

    private static func price(_ random: inout SplitMix64) -> Price {
        var above: Int64 = 0
        var tiers: [PriceTier] = []
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            above += .random(in: 1...400, using: &random)
            tiers.append(PriceTier(aboveInputTokens: above, tokens: tokens(&random)))
        }
        let images = (0..<Int.random(in: 0...3, using: &random)).map { _ in
            ImagePrice(quality: nil, size: nil, nano: .random(in: 0...1_000_000_000, using: &random))
        }
        return Price(id: 1, effectiveFromMs: 0, tokens: tokens(&random), tiers: tiers, images: images)
    }

    /// Splits `sum` at random into `count` parts, each 0 or more.
    private static func parts(_ count: Int, of sum: Int64, _ random: inout SplitMix64) -> [Int64] {
        let cuts = [0] + (1..<count).map { _ in Int64.random(in: 0...sum, using: &random) }.sorted() + [sum]
        return zip(cuts, cuts.dropFirst()).map { $1 - $0 }
    }

    @Test("no usage within the bounds costs more than the worst case", arguments: 0..<20 as Range<UInt64>)
    func worstCase(seed: UInt64) {
        var random = SplitMix64(state: seed)
        for _ in 0..<1_000 {
            let price = Self.price(&random)
            let input = Int64.random(in: 0...1_000, using: &random)
            let output = Int64.random(in: 0...1_000, using: &random)
            let images = Int64.random(in: 0...4, using: &random)
            let place = Int64.random(in: 0...3, using: &random)
            let bound = price.worstCase(
                inputTokens: input, outputTokens: output, images: images, imagePriceIndex: place)
            let used = Self.parts(5, of: .random(in: 0...input, using: &random), &random)
            let made = Self.parts(2, of: .random(in: 0...output, using: &random), &random)
            let usage = TokenUsage(
                input: used[0], imageInput: used[1], cacheRead: used[2], cacheWrite: used[3], cacheWriteHour: used[4],
                output: made[0], reasoning: made[1], images: .random(in: 0...images, using: &random),
                imagePriceIndex: place)
            #expect(price.cost(of: usage) <= bound, "\(usage) at \(price)")
        }
    }

    @Test("what is affordable fits the money, and one more token would not", arguments: 0..<20 as Range<UInt64>)
    func affordable(seed: UInt64) {
        var random = SplitMix64(state: seed)
        for _ in 0..<1_000 {
            let price = Self.price(&random)
            let input = Int64.random(in: 0...1_000, using: &random)
            let money = NanoUSD(.random(in: 0...200_000_000, using: &random))
            let tokens = price.outputTokens(affordableWith: money, inputTokens: input)
            if tokens == .max { continue }
            if tokens > 0 { #expect(price.worstCase(inputTokens: input, outputTokens: tokens) <= money) }
            #expect(price.worstCase(inputTokens: input, outputTokens: tokens + 1) > money, "\(price)")
        }
    }
}
