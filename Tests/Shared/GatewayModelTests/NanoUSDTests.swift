import GatewayModel
import Testing

@Suite struct NanoUSDTests {
    @Test(
        "reads decimal USD exactly",
        arguments: [
            ("0", 0), ("1", 1_000_000_000), ("0.000000001", 1), ("12.5", 12_500_000_000), ("0.30", 300_000_000),
            ("9000000", 9_000_000_000_000_000),
        ])
    func reads(text: String, nano: Int64) { #expect(NanoUSD(decimalUSD: text)?.nano == nano) }

    @Test(
        "refuses what is not a plain decimal",
        arguments: ["", "-1", "+1", "1e3", "1.", ".5", "1.0000000001", " 1", "1,5", "NaN", "10000000000", "1.5.5", "٣"])
    func refuses(text: String) { #expect(NanoUSD(decimalUSD: text) == nil) }

    @Test(
        "prints without trailing zeros",
        arguments: [(0, "0"), (1, "0.000000001"), (1_500_000_000, "1.5"), (-20, "-0.00000002")])
    func prints(nano: Int64, text: String) { #expect(NanoUSD(nano).decimalUSD == text) }
}

@Suite struct PriceTests {
    private let price = Price(
        id: 1, effectiveFromMs: 0, input: 2_000_000_000, cacheRead: 500_000_000, cacheWrite: 2_500_000_000,
        output: 8_000_000_000, reasoning: 8_000_000_000)

    @Test("rounds up once, over all counters")
    func rounds() {
        #expect(price.cost(of: TokenUsage(input: 1, output: 0)).nano == 2_000)
        let odd = Price(id: 1, effectiveFromMs: 0, input: 1, cacheRead: 1, cacheWrite: 1, output: 1, reasoning: 1)
        #expect(odd.cost(of: TokenUsage(input: 1, cacheRead: 1, output: 1)).nano == 1)
        #expect(odd.cost(of: TokenUsage(input: 0, output: 0)).nano == 0)
    }

    @Test("charges each counter at its own price")
    func charges() {
        let usage = TokenUsage(input: 100, cacheRead: 50, cacheWrite: 10, output: 20, reasoning: 5)
        #expect(price.cost(of: usage).nano == 200_000 + 25_000 + 25_000 + 160_000 + 40_000)
    }

    @Test("saturates instead of overflowing, and never goes below zero")
    func saturates() {
        var dear = price
        dear.tokens.input = .max
        #expect(dear.cost(of: TokenUsage(input: .max, output: 0)).nano == .max)
        #expect(price.cost(of: TokenUsage(input: -5, output: -1)).nano == 0)
    }

    @Test("the worst case is at least any way of classifying the same tokens")
    func bounds() {
        let bound = price.worstCase(inputTokens: 100, outputTokens: 20)
        for cached in [Int64(0), 50, 100] {
            #expect(
                price.cost(of: TokenUsage(input: 100 - cached, cacheWrite: cached, output: 5, reasoning: 15)) <= bound)
        }
    }
}
