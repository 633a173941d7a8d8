/// What a model costs, in nano-USD per million tokens of each kind, valid from one instant on.
///
/// Integers on both sides: 2 USD per million tokens is 2,000,000,000, and a price of up to nine decimals is exact.
package struct Price: Hashable, Sendable, Codable {
    /// The row of the price table; kept with every charge.
    package var id: Int64
    /// Milliseconds since 1970 UTC from which the price holds.
    package var effectiveFromMs: Int64
    package var input: Int64
    package var cacheRead: Int64
    package var cacheWrite: Int64
    package var output: Int64
    package var reasoning: Int64

    package init(
        id: Int64, effectiveFromMs: Int64, input: Int64, cacheRead: Int64, cacheWrite: Int64, output: Int64,
        reasoning: Int64
    ) {
        self.id = id
        self.effectiveFromMs = effectiveFromMs
        self.input = input
        self.cacheRead = cacheRead
        self.cacheWrite = cacheWrite
        self.output = output
        self.reasoning = reasoning
    }

    /// The charge for `usage`, rounded up once. Saturates instead of overflowing: no real request comes near.
    package func cost(of usage: TokenUsage) -> NanoUSD {
        let products: [(Int64, Int64)] = [
            (usage.input, input), (usage.cacheRead, cacheRead), (usage.cacheWrite, cacheWrite), (usage.output, output),
            (usage.reasoning, reasoning),
        ]
        var sum = UInt128(0)
        for (count, price) in products { sum += UInt128(max(0, count)) * UInt128(max(0, price)) }
        let nano = (sum + 999_999) / 1_000_000
        return NanoUSD(nano > UInt128(Int64.max) ? Int64.max : Int64(nano))
    }

    /// The most that `inputTokens` and `outputTokens` can cost, however the provider classifies them.
    package func worstCase(inputTokens: Int64, outputTokens: Int64) -> NanoUSD {
        let dearestInput = max(input, cacheRead, cacheWrite)
        let dearestOutput = max(output, reasoning)
        var bound = self
        bound.input = dearestInput
        bound.output = dearestOutput
        return bound.cost(of: TokenUsage(input: inputTokens, output: outputTokens))
    }

    /// How many output tokens `nano` pays for beside `inputTokens`, however the provider classifies them.
    package func outputTokens(affordableWith nano: NanoUSD, inputTokens: Int64) -> Int64 {
        let dearestOutput = UInt128(max(0, output, reasoning))
        let input = UInt128(max(0, inputTokens)) * UInt128(max(0, input, cacheRead, cacheWrite))
        let budget = UInt128(max(0, nano.nano)) * 1_000_000
        guard budget >= input else { return 0 }
        guard dearestOutput > 0 else { return .max }
        let tokens = (budget - input) / dearestOutput
        return tokens > UInt128(Int64.max) ? .max : Int64(tokens)
    }
}
