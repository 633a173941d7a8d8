import Admission
import Foundation
import GatewayModel
import PlaneContract
import RequestWalk
import Routing
import Testing

/// Holds and charges for images, with and without token usage, and the requests their providers get.
@Suite struct ImageMoneyTests {
    /// One nano-USD per text token, three per input image token, two per output token.
    private static let tokens = TokenPrices(
        input: 1_000_000, imageInput: 3_000_000, cacheRead: 0, cacheWrite: 0, output: 2_000_000, reasoning: 2_000_000)
    private static let free = TokenPrices(input: 0, cacheRead: 0, cacheWrite: 0, output: 0, reasoning: 0)
    private static let list = [
        ImagePrice(quality: "standard", size: "small", nano: 40_000),
        ImagePrice(quality: "hd", size: "small", nano: 90_000),
    ]

    private static func table(_ model: String, _ tokens: TokenPrices, _ images: [ImagePrice]) -> RoutingTable {
        let entry = ModelEntry(
            name: model, vendor: "v", kind: "image", created: 0, contextWindow: nil, maxOutputTokens: 5_000,
            vision: false,
            tools: false, wantsMaxCompletionTokens: false, firstEventMs: 1_000, idleMs: 500,
            prices: [Price(id: 7, effectiveFromMs: 0, tokens: tokens, images: images)])
        return RoutingTable(
            GatewaySnapshot(
                version: 1,
                providers: [ProviderEntry(id: "p", dialect: "openai", baseURL: "http://p/v1", allowedNetworks: [])],
                credentials: [], models: [entry],
                deployments: [
                    DeploymentEntry(
                        id: "d", model: model, provider: "p", credential: nil, upstreamModel: model, order: 0, weight: 1
                    )
                ], aliases: [])
        ) { _ in nil }
    }

    private func walker(_ model: String, _ table: RoutingTable, _ extra: String = "") -> Walker {
        var walker = Walker(table: table)
        walker.feed(.head(Walker.head(path: "/v1/images/generations")))
        walker.feed(.body(Array(#"{"model":"\#(model)","prompt":"a cat"\#(extra)}"#.utf8)))
        walker.feed(.bodyEnd)
        walker.feed(.keyFound(.found(Walker.caller)))
        return walker
    }

    private func finish(_ walker: inout Walker, _ images: Int, usage: String = "") throws -> UsageEvent {
        walker.feed(.admitAnswered(Walker.admission(holding: walker.askedHold)))
        walker.feed(.attemptHead(attempt: 1, status: 200, contentType: "application/json", retryAfterMs: nil))
        let data = (0..<images).map { _ in #"{"b64_json":"AA=="}"# }.joined(separator: ",")
        walker.feed(.attemptBytes(attempt: 1, Array(#"{"created":1,"data":[\#(data)]\#(usage)}"#.utf8)))
        walker.feed(.attemptEnded(attempt: 1))
        let settle = try #require(walker.settles.first)
        return try JSONDecoder().decode(UsageEvent.self, from: Data(settle.event))
    }

    private func sent(_ walker: Walker) throws -> [String: Any] {
        let bodies = walker.actions.compactMap { if case .startAttempt(let request) = $0 { request.body } else { nil } }
        let body = try #require(bodies.first)
        return try #require(JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
    }

    @Test("without tokens each image made is charged by what was asked for")
    func perImage() throws {
        let table = Self.table("dall-e-3", Self.free, Self.list)
        var plain = walker("dall-e-3", table, #","n":3"#)
        #expect(plain.askedHold.nano == 3 * 40_000)
        let event = try finish(&plain, 2)
        #expect(event.cost.nano == 2 * 40_000 && event.usage.images == 2 && event.usage.imagePriceIndex == 0)
        var fine = walker("dall-e-3", table, #","quality":"hd","size":"auto""#)
        let dear = try finish(&fine, 1)
        #expect(dear.cost.nano == 90_000 && dear.usage.imagePriceIndex == 1 && dear.usageSource == .bounded)
    }

    @Test("a usage that costs nothing does not make images free")
    func pricedByTheImage() throws {
        var walker = walker("dall-e-3", Self.table("dall-e-3", Self.free, Self.list))
        let event = try finish(&walker, 1, usage: #","usage":{"input_tokens":5,"output_tokens":9}"#)
        #expect(event.cost.nano == 40_000 && event.usage.output == 9 && event.usage.images == 1)
    }

    @Test("reported tokens are charged instead of images")
    func byTokens() throws {
        var walker = walker("gpt-image-1", Self.table("gpt-image-1", Self.tokens, Self.list), #","n":2"#)
        let bytes = Int64(#"{"model":"gpt-image-1","prompt":"a cat","n":2}"#.utf8.count)
        #expect(walker.askedHold.nano == (bytes + 256) * 3 + 2 * 40_000, "images are dearer than 2 × 5,000 tokens")
        let raw =
            #"{"input_tokens":50,"output_tokens":4160,"input_tokens_details":{"text_tokens":40,"image_tokens":10}}"#
        let event = try finish(&walker, 2, usage: #","usage":\#(raw)"#)
        #expect(event.cost.nano == 40 + 30 + 8_320 && event.usage.images == 0 && event.usageSource == .provider)
        #expect(event.rawUsage == raw)
    }

    @Test("tokens that are not reported are charged by the image, or by their bound where it has no price")
    func unreported() throws {
        var listed = walker("gpt-image-1", Self.table("gpt-image-1", Self.tokens, Self.list))
        #expect(try finish(&listed, 1).cost.nano >= 40_000)
        var bare = walker("gpt-image-2", Self.table("gpt-image-2", Self.tokens, []))
        let event = try finish(&bare, 1)
        #expect(event.usage.output == 5_000 && event.usageSource == .bounded && event.cost <= event.hold)
    }

    @Test("all of an image's money is held, or none")
    func wholeHold() {
        let walker = walker("gpt-image-2", Self.table("gpt-image-2", Self.tokens, []))
        let asked = walker.actions.compactMap { if case .admit(let request) = $0 { request } else { nil } }
        #expect(asked.count == 1 && asked.allSatisfy { $0.hold == $0.holdMin && $0.hold.nano > 10_000 })
    }

    @Test("DALL·E is asked for the image itself; others are not asked, for they refuse the question")
    func format() throws {
        var old = walker("dall-e-3", Self.table("dall-e-3", Self.free, Self.list))
        _ = try finish(&old, 1)
        #expect(try sent(old)["response_format"] as? String == "b64_json")
        var new = walker(
            "gpt-image-1", Self.table("gpt-image-1", Self.tokens, []), #","response_format":"b64_json""#)
        _ = try finish(&new, 1)
        #expect(try sent(new)["response_format"] == nil && sent(new)["prompt"] as? String == "a cat")
    }
}
