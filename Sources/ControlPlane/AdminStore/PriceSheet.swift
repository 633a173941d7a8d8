internal import Foundation
internal import GatewayModel

/// A complete price in nano-USD, in the JSON format of the database functions `price_sheet` and `insert_price`.
struct PriceSheet: Encodable {
    struct AmountError: Error { var text: String }

    fileprivate struct Tokens {
        let input, imageInput, cacheRead, cacheWrite, cacheWriteHour, output, reasoning: Int64
    }

    fileprivate struct Tier: Encodable {
        let above: Int64
        let tokens: Tokens

        func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: Name.self)
            try values.encode(above, forKey: .above)
            try tokens.encode(into: &values)
        }
    }

    fileprivate struct Image: Encodable {
        let quality, size: String?
        let nano_usd: Int64
    }

    fileprivate enum Name: String, CodingKey {
        case input, output, reasoning, tiers, images
        case imageInput = "image_input"
        case cacheRead = "cache_read"
        case cacheWrite = "cache_write"
        case cacheWriteHour = "cache_write_hour"
        case above = "above_input_tokens"
    }

    private let tokens: Tokens
    private let tiers: [Tier]
    private let images: [Image]

    /// - Returns: `nil` when neither section is present, so the file does not set the price.
    /// - Throws: `AmountError` with the text that is not a valid amount.
    init?(_ section: CatalogueFile.TokenPriceSection?, images: [CatalogueFile.ImagePriceSection]?) throws(AmountError) {
        guard section != nil || images != nil else { return nil }
        if let section {
            tokens = try Tokens(
                input: section.input, imageInput: section.image_input, cacheRead: section.cache_read,
                cacheWrite: section.cache_write, cacheWriteHour: section.cache_write_hour, output: section.output,
                reasoning: section.reasoning)
        } else {
            tokens = try Tokens(
                input: "0", imageInput: nil, cacheRead: nil, cacheWrite: nil, cacheWriteHour: nil, output: "0",
                reasoning: nil)
        }
        var tiers: [Tier] = []
        for tier in section?.tiers ?? [] {
            tiers.append(
                Tier(
                    above: tier.above_input_tokens,
                    tokens: try Tokens(
                        input: tier.input, imageInput: tier.image_input, cacheRead: tier.cache_read,
                        cacheWrite: tier.cache_write, cacheWriteHour: tier.cache_write_hour, output: tier.output,
                        reasoning: tier.reasoning)))
        }
        self.tiers = tiers.sorted { $0.above < $1.above }
        var list: [Image] = []
        for image in images ?? [] {
            list.append(Image(quality: image.quality, size: image.size, nano_usd: try Self.nano(image.usd)))
        }
        self.images = list
    }

    func json() throws -> String { String(decoding: try JSONEncoder().encode(self), as: UTF8.self) }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Name.self)
        try tokens.encode(into: &values)
        try values.encode(tiers, forKey: .tiers)
        try values.encode(images, forKey: .images)
    }

    fileprivate static func nano(_ text: String) throws(AmountError) -> Int64 {
        guard let amount = NanoUSD(decimalUSD: text) else { throw AmountError(text: text) }
        return amount.nano
    }
}

extension PriceSheet.Tokens {
    fileprivate init(
        input: String, imageInput: String?, cacheRead: String?, cacheWrite: String?, cacheWriteHour: String?,
        output: String, reasoning: String?
    ) throws(PriceSheet.AmountError) {
        self.input = try PriceSheet.nano(input)
        self.imageInput = try PriceSheet.nano(imageInput ?? input)
        self.cacheRead = try PriceSheet.nano(cacheRead ?? input)
        self.cacheWrite = try PriceSheet.nano(cacheWrite ?? input)
        self.cacheWriteHour = try PriceSheet.nano(cacheWriteHour ?? cacheWrite ?? input)
        self.output = try PriceSheet.nano(output)
        self.reasoning = try PriceSheet.nano(reasoning ?? output)
    }

    fileprivate func encode(into values: inout KeyedEncodingContainer<PriceSheet.Name>) throws {
        try values.encode(input, forKey: .input)
        try values.encode(imageInput, forKey: .imageInput)
        try values.encode(cacheRead, forKey: .cacheRead)
        try values.encode(cacheWrite, forKey: .cacheWrite)
        try values.encode(cacheWriteHour, forKey: .cacheWriteHour)
        try values.encode(output, forKey: .output)
        try values.encode(reasoning, forKey: .reasoning)
    }
}
