package import GatewayModel
package import PlaneContract

/// The size of a request before its tokens are counted.
package struct RequestSize: Sendable, Equatable {
    /// Bytes of the body without its media, plus what normalising may add: no byte-level tokenizer makes more tokens of
    /// text than that.
    package var textBytes: Int64
    package var images: Int64
    package var documents: Int64 = 0
    package var audioClips: Int64 = 0
    package var videos: Int64 = 0
    /// Bytes of tools and schemas in the body: templates print them again in their own form, with about as many tokens.
    package var schemaBytes: Int64 = 0
    /// Whether the request has tools, for which a vendor adds instructions of its own.
    package var hasTools = false
    /// Output tokens the client allows per choice; `nil` for the model's own bound.
    package var outputTokensMax: Int64?
    package var choices: Int64
    /// Texts that are processed one by one: each may fill the context window.
    package var inputs: Int64
    /// The kind of image to generate; `nil` when none is requested.
    package var imageSpec: ImageSpec?

    /// Quality and size as the client requests them; `nil` leaves the choice to the provider.
    package struct ImageSpec: Sendable, Equatable {
        package var quality: String?
        package var size: String?

        package init(quality: String? = nil, size: String? = nil) {
            self.quality = quality
            self.size = size
        }
    }

    package init(textBytes: Int64, images: Int64, outputTokensMax: Int64?, choices: Int64, inputs: Int64 = 1) {
        self.textBytes = textBytes
        self.images = images
        self.outputTokensMax = outputTokensMax
        self.choices = choices
        self.inputs = inputs
    }
}

/// The amounts a request is held for and counted as until its usage is known.
package enum Estimate {
    /// Tokens assumed for one image, and for one document, recording or film.
    static let imageTokensAssumed: Int64 = 1_000
    static let mediaTokensAssumed: Int64 = 3_000
    /// Tokens that chat templates and a provider's own system text may add per input.
    static let templateTokensMax: Int64 = 256
    /// Tokens that xAI adds to every request; it publishes no number.
    static let xaiTokensMax: Int64 = 1_024
    /// Tokens of a vendor's instructions about tools (Anthropic: 804 at most, for a forced tool of Opus 4.7).
    static let toolTokensMax: Int64 = 1_024
    /// Output tokens assumed for the token window when the client sets no limit.
    static let outputTokensAssumed: Int64 = 1_024
    /// English text is about four bytes a token.
    package static let bytesPerToken: Int64 = 4

    /// Output tokens per choice that a stream is held for at first, and by which its hold grows. Small enough that a
    /// stream without `max_tokens` does not lock others out of a small budget, large enough to keep growth calls rare.
    package static let sliceTokens: Int64 = 4_096
    /// The fewest output tokens a budget must cover for a request to be useful.
    package static let outputTokensMin: Int64 = 16
    /// The largest amount the limiter accepts ($ 8 million): its numbers are exact up to there.
    package static let amountMax = NanoUSD(8_000_000_000_000_000)

    /// The most the request can cost on this model with `outputTokens` per choice.
    package static func worstCase(
        _ size: RequestSize, on model: ModelEntry, at price: Price, outputTokens: Int64
    ) -> NanoUSD {
        let input = inputBound(size, on: model)
        let tokens = price.worstCase(inputTokens: input, outputTokens: product(outputTokens, size.choices))
        // Generated images are charged by reported tokens or per image, never both.
        guard let place = imagePriceIndex(size, at: price) else { return min(amountMax, tokens) }
        return min(
            amountMax,
            max(
                tokens,
                price.worstCase(inputTokens: input, outputTokens: 0, images: size.choices, imagePriceIndex: place)))
    }

    /// The place of the price of one image of the requested kind; `nil` when no image is requested or the kind has no
    /// price of its own.
    package static func imagePriceIndex(_ size: RequestSize, at price: Price) -> Int64? {
        size.imageSpec.flatMap { price.imagePriceIndex(quality: $0.quality, size: $0.size) }
    }

    /// The most input tokens the request can have.
    package static func inputBound(_ size: RequestSize, on model: ModelEntry) -> Int64 {
        var within = sum(
            size.textBytes, size.schemaBytes, media(size.documents, .document, on: model),
            media(size.audioClips, .audio, on: model), media(size.videos, .video, on: model),
            product(size.inputs, templateTokensMax), size.hasTools ? toolTokensMax : 0,
            model.vendor == "xai" ? xaiTokensMax : 0)
        var images = media(size.images, .image, on: model)
        // Some vendors truncate embedding input beyond the window, others process it in parts.
        let window = model.kind == "embedding" ? .max : model.contextWindow ?? .max
        // An image with a bound of its own is billed by that bound, and may take less of the window (gpt-4o-mini).
        if let bound = model.tokensMax(of: .image), bound >= window { (within, images) = (sum(within, images), 0) }
        return sum(min(within, product(window, size.inputs)), images)
    }

    /// A route never has a model without a bound for the request's media; if one had, the bound would be unaffordable.
    private static func media(_ count: Int64, _ kind: MediaKind, on model: ModelEntry) -> Int64 {
        count == 0 ? 0 : product(count, model.tokensMax(of: kind) ?? .max)
    }

    // A catalogue may set absurd bounds: saturate on overflow.
    /// The product, or `.max` when it overflows.
    package static func product(_ a: Int64, _ b: Int64) -> Int64 {
        let (value, overflow) = a.multipliedReportingOverflow(by: b)
        return overflow ? .max : value
    }

    private static func sum(_ terms: Int64...) -> Int64 {
        terms.reduce(0) { total, term in
            let (value, overflow) = total.addingReportingOverflow(term)
            return overflow ? .max : value
        }
    }

    /// The most output tokens one choice can have.
    package static func outputBound(_ size: RequestSize, on model: ModelEntry) -> Int64 {
        max(0, min(size.outputTokensMax ?? model.maxOutputTokens, model.maxOutputTokens))
    }

    /// The most output tokens `images` images can have.
    package static func outputBound(_ size: RequestSize, on model: ModelEntry, images: Int64) -> Int64 {
        product(outputBound(size, on: model), images)
    }

    /// Input tokens by the gateway's own estimate.
    package static func inputTokens(_ size: RequestSize) -> Int64 {
        max(
            1,
            sum(
                (size.textBytes + bytesPerToken - 1) / bytesPerToken, product(size.images, imageTokensAssumed),
                product(sum(size.documents, size.audioClips, size.videos), mediaTokensAssumed)))
    }

    /// Tokens counted in the token window until the usage is known.
    package static func windowTokens(_ size: RequestSize, on model: ModelEntry) -> Int64 {
        let output = max(0, min(size.outputTokensMax ?? outputTokensAssumed, model.maxOutputTokens))
        return sum(inputTokens(size), product(output, size.choices))
    }
}
