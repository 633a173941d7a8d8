/// What a million tokens of each kind cost, in nano-USD.
package struct TokenPrices: Hashable, Sendable, Codable {
    package var input: Int64
    /// Input tokens that stand for an image, where a provider prices them apart.
    package var imageInput: Int64
    package var cacheRead: Int64
    /// Written to a cache for the provider's usual time.
    package var cacheWrite: Int64
    /// Written to a cache for an hour.
    package var cacheWriteHour: Int64
    package var output: Int64
    package var reasoning: Int64

    /// What is `nil` costs as much as `input` or `cacheWrite`.
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

    var dearestInput: Int64 { max(0, input, imageInput, cacheRead, cacheWrite, cacheWriteHour) }
    var dearestOutput: Int64 { max(0, output, reasoning) }

    /// All input in the dearest of its classes, all output in the dearer of its two.
    func dearestUsage(inputTokens: Int64, outputTokens: Int64) -> TokenUsage {
        var usage = TokenUsage()
        switch dearestInput {
        case input: usage.input = inputTokens
        case cacheWrite: usage.cacheWrite = inputTokens
        case cacheWriteHour: usage.cacheWriteHour = inputTokens
        case imageInput: usage.imageInput = inputTokens
        default: usage.cacheRead = inputTokens
        }
        if reasoning > output { usage.reasoning = outputTokens } else { usage.output = outputTokens }
        return usage
    }

    /// Tokens times price, in nano-USD per million; as much as there is where that overflows.
    func sum(_ usage: TokenUsage) -> UInt128 {
        // Seven products of 126 bits each at most: only absurd counts at absurd prices overflow.
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

/// The prices of a whole request whose input is larger than a size: they stand in for the price's own.
package struct PriceTier: Hashable, Sendable, Codable {
    /// Input tokens of every kind; the tier is for requests with more.
    package var aboveInputTokens: Int64
    package var tokens: TokenPrices

    package init(aboveInputTokens: Int64, tokens: TokenPrices) {
        self.aboveInputTokens = aboveInputTokens
        self.tokens = tokens
    }
}

/// What one image costs whose provider reports no tokens for it.
package struct ImagePrice: Hashable, Sendable, Codable {
    /// As requests name it, such as `hd`; `nil` is for any.
    package var quality: String?
    /// As requests name it, such as `1024x1024`; `nil` is for any.
    package var size: String?
    /// Nano-USD per image.
    package var nano: Int64

    package init(quality: String?, size: String?, nano: Int64) {
        self.quality = quality
        self.size = size
        self.nano = nano
    }
}
