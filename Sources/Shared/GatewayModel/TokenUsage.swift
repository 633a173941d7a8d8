/// What one request used, as disjoint counters: each is priced separately and nothing is counted twice.
package struct TokenUsage: Hashable, Sendable, Codable {
    /// Text input tokens that no provider cache served.
    package var input: Int64 = 0
    /// Input tokens that represent images, if the provider reports and prices them separately.
    package var imageInput: Int64 = 0
    /// Input tokens read from the provider's prompt cache.
    package var cacheRead: Int64 = 0
    /// Input tokens written to the provider's prompt cache with its usual lifetime.
    package var cacheWrite: Int64 = 0
    /// Input tokens written to the provider's prompt cache for one hour.
    package var cacheWriteHour: Int64 = 0
    /// Output tokens visible to the client.
    package var output: Int64 = 0
    /// Output tokens spent on reasoning.
    package var reasoning: Int64 = 0
    /// Images charged individually; 0 when their tokens are charged.
    package var images: Int64 = 0
    /// The index of their price in `Price.images`.
    package var imagePriceIndex: Int64 = 0

    package init() {}

    package init(
        input: Int64, imageInput: Int64 = 0, cacheRead: Int64 = 0, cacheWrite: Int64 = 0, cacheWriteHour: Int64 = 0,
        output: Int64, reasoning: Int64 = 0, images: Int64 = 0, imagePriceIndex: Int64 = 0
    ) {
        self.input = input
        self.imageInput = imageInput
        self.cacheRead = cacheRead
        self.cacheWrite = cacheWrite
        self.cacheWriteHour = cacheWriteHour
        self.output = output
        self.reasoning = reasoning
        self.images = images
        self.imagePriceIndex = imagePriceIndex
    }

    /// Input tokens of all kinds, which decide the tier of a price.
    package var prompt: Int64 { Self.sum([input, imageInput, cacheRead, cacheWrite, cacheWriteHour]) }

    package var total: Int64 { Self.sum([prompt, output, reasoning]) }

    private static func sum(_ counts: [Int64]) -> Int64 {
        counts.reduce(0) { total, count in
            let (sum, overflow) = total.addingReportingOverflow(max(0, count))
            return overflow ? .max : sum
        }
    }

    /// The JSON in events and in the journal keeps the name `imagePlace`.
    private enum CodingKeys: String, CodingKey {
        case input, imageInput, cacheRead, cacheWrite, cacheWriteHour, output, reasoning, images
        case imagePriceIndex = "imagePlace"
    }

    /// Counters that an event does not contain are 0.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func count(_ key: CodingKeys) throws -> Int64 { try values.decodeIfPresent(Int64.self, forKey: key) ?? 0 }
        self.init(
            input: try values.decode(Int64.self, forKey: .input), imageInput: try count(.imageInput),
            cacheRead: try values.decode(Int64.self, forKey: .cacheRead),
            cacheWrite: try values.decode(Int64.self, forKey: .cacheWrite),
            cacheWriteHour: try count(.cacheWriteHour), output: try values.decode(Int64.self, forKey: .output),
            reasoning: try values.decode(Int64.self, forKey: .reasoning), images: try count(.images),
            imagePriceIndex: try count(.imagePriceIndex))
    }
}

/// The origin of the numbers in a charge.
package enum UsageSource: String, Sendable, Codable, CaseIterable {
    /// The provider reported them.
    case provider
    /// The gateway counted what it relayed.
    case counted
    /// Only an upper bound is known.
    case bounded
}

/// How an admitted request ended.
package enum Outcome: String, Sendable, Codable, CaseIterable {
    /// A complete response reached the client.
    case completed
    /// The provider broke off after its first event, or a deadline passed.
    case failed
    /// The client left before the end.
    case cancelled
    /// The worker died; charged by what it last reported.
    case interrupted
}
