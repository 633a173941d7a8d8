import Admission
import GatewayModel
import PlaneContract
import Testing

@Suite struct AdmitVerdictTests {
    @Test("reads an admission")
    func admitted() throws {
        guard
            case .admitted(let admission) = AdmitVerdict(
                reply: [
                    "0", "1700000000000", "202611/20261122,202611/20261122", "700", "-1", "60", "59", "5000", "-1",
                    "-1",
                    "0",
                ])
        else { throw Unexpected() }
        #expect(admission.atMs == 1_700_000_000_000 && admission.requests?.remaining == 59 && admission.tokens == nil)
    }

    private struct Unexpected: Error {}

    private func refusal(_ code: String, _ window: String, wait: String = "1500") -> GatewayError? {
        let midnightMinusOne = String(20_779 * UTCCalendar.dayMs + UTCCalendar.dayMs - 1)
        guard
            case .refused(let error) = AdmitVerdict(
                reply: [code, midnightMinusOne, "2", window, "2000000000", "1500000000", "500000000", wait])
        else { return nil }
        return error
    }

    @Test("a refusal names scope, limit, use and reset")
    func refusals() {
        let money = refusal("7", "usd_per_day")
        #expect(money?.kind == .insufficientQuota)
        #expect(
            money?.limit
                == LimitFacts(scope: "org", name: "usd_per_day", limit: "2", used: "1.5", reserved: "0.5", resetMs: 1))
        #expect(refusal("11", "usd_per_month")?.kind == .budgetInFlight)
        #expect(refusal("6", "requests_per_day")?.kind == .insufficientQuota)
        #expect(refusal("4", "requests_per_minute")?.retryAfterMs == 1500)
        #expect(refusal("9", "tokens_per_minute")?.shouldRetry == false)
    }

    @Test(
        "anything else is unreadable, never an admission",
        arguments: [[], ["0"], ["99"], ["7", "1"], ["x"], ["3"]] as [[String]])
    func unreadable(reply: [String]) {
        guard case .unreadable = AdmitVerdict(reply: reply) else {
            Issue.record("\(reply) was read")
            return
        }
    }

    @Test("stale, fenced and closed are told apart")
    func others() {
        if case .stale = AdmitVerdict(reply: ["2", "k", "5"]) {} else { Issue.record("stale") }
        if case .fenced(let fence) = AdmitVerdict(reply: ["3", "7", "run"]) {
            #expect(fence == Fence(generation: "7", redisRunID: "run"))
        } else {
            Issue.record("fenced")
        }
        if case .closed = AdmitVerdict(reply: ["8", "S"]) {} else { Issue.record("closed") }
    }
}

@Suite struct EstimateTests {
    private let model = ModelEntry(
        name: "m", vendor: "v", kind: "chat", created: 0, contextWindow: 1_000, maxOutputTokens: 500, vision: false,
        tools: true,
        wantsMaxCompletionTokens: false, firstEventMs: 1, idleMs: 1, prices: [])
    private let price = Price(
        id: 1, effectiveFromMs: 0, input: 1_000_000, cacheRead: 100_000, cacheWrite: 2_000_000, output: 10_000_000,
        reasoning: 10_000_000)

    @Test("the worst case covers the dearest input, every choice and the model's own bound")
    func worstCase() {
        let small = RequestSize(textBytes: 44, images: 0, outputTokensMax: 10, choices: 3)
        func bound(_ size: RequestSize) -> Int64 {
            let tokens = Estimate.outputBound(size, on: model)
            return Estimate.worstCase(size, on: model, at: price, outputTokens: tokens).nano
        }
        #expect(bound(small) == (44 + 256) * 2 + 30 * 10)
        let open = RequestSize(textBytes: 5_000, images: 0, outputTokensMax: nil, choices: 1)
        #expect(bound(open) == 1_000 * 2 + 500 * 10, "the window bounds the input")
        let greedy = RequestSize(textBytes: 44, images: 0, outputTokensMax: 1_000_000, choices: 1)
        #expect(bound(greedy) == 300 * 2 + 500 * 10)
    }

    @Test("a text is never more than the model's window, unless it is for an embedding")
    func window() {
        var short = model
        short.contextWindow = 514
        let size = RequestSize(textBytes: 1_500, images: 0, outputTokensMax: 0, choices: 1)
        #expect(Estimate.inputBound(size, on: short) == 514)
        short.kind = "embedding"
        #expect(Estimate.inputBound(size, on: short) == 1_500 + 256)
    }

    @Test("media are held for by the model's bounds, and never for more than its window")
    func media() {
        var seeing = model
        seeing.vision = true
        seeing.contextWindow = 100_000
        seeing.imageTokensMax = 36_835
        seeing.documentTokensMax = 90_000
        var size = RequestSize(textBytes: 100, images: 1, outputTokensMax: 16, choices: 1)
        #expect(Estimate.inputBound(size, on: seeing) == 100 + 256 + 36_835)
        size.hasTools = true
        #expect(Estimate.inputBound(size, on: seeing) == 100 + 256 + 1_024 + 36_835)
        size.hasTools = false
        size.images = 2
        #expect(Estimate.inputBound(size, on: seeing) == 100 + 256 + 2 * 36_835)
        size.documents = 1
        #expect(
            Estimate.inputBound(size, on: seeing) == 100 + 256 + 90_000 + 2 * 36_835,
            "images are billed by their own bound, whatever they take of the window")
        size.documents = 2
        #expect(
            Estimate.inputBound(size, on: seeing) == 100_000 + 2 * 36_835, "what fits the window is all there can be")
        size.documents = 1
        seeing.contextWindow = nil
        #expect(Estimate.inputBound(size, on: seeing) == 100 + 256 + 2 * 36_835 + 90_000)
        size.videos = 1
        #expect(Estimate.inputBound(size, on: seeing) == .max, "nobody can pay for what has no bound")
        seeing.imageTokensMax = nil
        seeing.contextWindow = 5_000
        #expect(seeing.tokensMax(of: .image) == 5_000 && model.tokensMax(of: .image) == nil)
    }

    @Test("calls are whole commands whose keys share a hash tag")
    func oneSlot() throws {
        let record = KeyRecord(
            keyID: "key_1", orgID: "org_1", name: "n", plan: "p", version: 7, orgVersion: 8, status: .active,
            expiresAtMs: nil, allowedModels: nil, keyLimits: ScopeLimits(requestsPerMinute: 60),
            orgLimits: ScopeLimits())
        let caller = Caller(record)
        var bytes: [UInt8] = []
        SettleRequest(
            id: "r", scopes: caller.scopes, target: .settled, cost: NanoUSD(-5), tokens: 1, event: Array("{}".utf8),
            periods: "1/2,1/2", refundsRequest: false
        ).write(generation: "1", into: &bytes)
        let words = try #require(Self.words(bytes))
        #expect(words[0] == "FCALL" && words[1] == "gw2_settle" && words[2] == "5")
        #expect(words[3..<8].allSatisfy { $0.contains(caller.scopes.shard.tag) })
        #expect(words[8...].elementsEqual(["r", "1", "S", "-5", "1", "{}", "900000", "1/2,1/2", "0"]))
        for (givesBack, countsInMinute, word) in [(true, false, "1"), (true, true, "2")] {
            bytes = []
            SettleRequest(
                id: "r", scopes: caller.scopes, target: .settled, cost: .zero, tokens: 0, event: [], periods: "1/2,1/2",
                refundsRequest: givesBack, countsInMinute: countsInMinute
            ).write(generation: "1", into: &bytes)
            #expect(Self.words(bytes)?.last == word)
        }
        bytes = []
        PeekVerdict.write(for: caller, into: &bytes)
        #expect(Self.words(bytes)?.suffix(4) == ["key_1", "7", "o:org_1", "8"])
    }

    /// The words of one command in RESP; `nil` unless the text is exactly one command.
    private static func words(_ bytes: [UInt8]) -> [String]? {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
        guard lines.last == "", let count = Int(lines[0].dropFirst()), lines.count == count * 2 + 2 else { return nil }
        return (0..<count).compactMap { at in
            let word = lines[2 + at * 2]
            return lines[1 + at * 2] == "$\(word.utf8.count)" ? String(word) : nil
        }
    }
}
