/// Prices per million tokens of each kind, in nano-USD.
package struct TokenPrices: Hashable, Sendable, Codable {
    package var input: Int64
    /// Input tokens that represent an image, if the provider prices them separately.
    package var imageInput: Int64
    package var cacheRead: Int64
    /// Cache writes with the provider's usual lifetime.
    package var cacheWrite: Int64
    /// Cache writes that are kept for an hour.
    package var cacheWriteHour: Int64
    package var output: Int64
    package var reasoning: Int64

    /// Prices that are `nil` default to `input` or `cacheWrite`.
    package init(
        input: Int64, imageInput: Int64? = nil, cacheRead: Int64, cacheWrite: Int64, cacheWriteHour: Int64? = nil,
        output: Int64, reasoning: Int64
    ) {
        self.input = input
        self.imageInput = imageInput ?? input
        self.cacheRead = cacheRead
        self.cacheWrite = cacheWrite
        self.cacheWriteHour = cacheWriteHour ?? cacheWrite
        self.output = output
        self.reasoning = reasoning
    }

    /// Decodes JSON in which `imageInput` and `cacheWriteHour` may be absent; they default as in the other initialiser.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            input: try values.decode(Int64.self, forKey: .input),
            imageInput: try values.decodeIfPresent(Int64.self, forKey: .imageInput),
            cacheRead: try values.decode(Int64.self, forKey: .cacheRead),
            cacheWrite: try values.decode(Int64.self, forKey: .cacheWrite),
            cacheWriteHour: try values.decodeIfPresent(Int64.self, forKey: .cacheWriteHour),
            output: try values.decode(Int64.self, forKey: .output),
            reasoning: try values.decode(Int64.self, forKey: .reasoning))
    }

    var inputPriceMax: Int64 { max(0, input, imageInput, cacheRead, cacheWrite, cacheWriteHour) }
    var outputPriceMax: Int64 { max(0, output, reasoning) }

    /// All input in its most expensive class, all output in the more expensive of its two.
    func mostExpensiveUsage(inputTokens: Int64, outputTokens: Int64) -> TokenUsage {
        var usage = TokenUsage()
        switch inputPriceMax {
        case input: usage.input = inputTokens
        case cacheWrite: usage.cacheWrite = inputTokens
        case cacheWriteHour: usage.cacheWriteHour = inputTokens
        case imageInput: usage.imageInput = inputTokens
        default: usage.cacheRead = inputTokens
        }
        if reasoning > output { usage.reasoning = outputTokens } else { usage.output = outputTokens }
        return usage
    }

    /// The sum of tokens times price, in millionths of a nano-USD; saturates on overflow.
    func sum(_ usage: TokenUsage) -> UInt128 {
        // Seven products of at most 126 bits each: only absurd counts at absurd prices overflow.
        var sum = UInt128(0)
        func add(_ count: Int64, _ price: Int64) {
            let (total, overflow) = sum.addingReportingOverflow(UInt128(max(0, count)) * UInt128(max(0, price)))
            sum = overflow ? .max : total
        }
        add(usage.input, input)
        add(usage.imageInput, imageInput)
        add(usage.cacheRead, cacheRead)
        add(usage.cacheWrite, cacheWrite)
        add(usage.cacheWriteHour, cacheWriteHour)
        add(usage.output, output)
        add(usage.reasoning, reasoning)
        return sum
    }
}

/// The prices of a whole request whose input exceeds a size; they replace the base prices.
package struct PriceTier: Hashable, Sendable, Codable {
    /// The tier applies to requests with more input tokens than this, of all kinds together.
    package var aboveInputTokens: Int64
    package var tokens: TokenPrices

    package init(aboveInputTokens: Int64, tokens: TokenPrices) {
        self.aboveInputTokens = aboveInputTokens
        self.tokens = tokens
    }
}

/// The price of one image, for providers that report no tokens for it.
package struct ImagePrice: Hashable, Sendable, Codable {
    /// As named in requests, such as `hd`; `nil` matches any.
    package var quality: String?
    /// As named in requests, such as `1024x1024`; `nil` matches any.
    package var size: String?
    /// Nano-USD per image.
    package var nano: Int64

    package init(quality: String?, size: String?, nano: Int64) {
        self.quality = quality
        self.size = size
        self.nano = nano
    }
}
