import Foundation
import GatewayModel
import PlaneContract
import Testing

@Suite struct UsageEventTests {
    @Test("hand-written JSON reads back as the same event")
    func roundTrip() throws {
        let event = UsageEvent(
            id: "01234567-89ab-7000-8000-000000000000", keyID: "key_1", orgID: "org_1", loopID: "w-1",
            requested: "sm\"art\n", model: "modèle\\\u{1}", deployment: "d", priceID: 7, admittedMs: 12,
            usage: TokenUsage(input: 1, cacheRead: 2, cacheWrite: 3, output: 4, reasoning: 5), usageSource: .counted,
            cost: NanoUSD(99), hold: NanoUSD(100), outcome: .interrupted, status: 200, attempts: 2, streamed: true,
            refundsRequest: false,
            firstByteMs: 3, durationMs: 4, configVersion: 5, rawUsage: #"{"prompt_tokens":1}"#)
        #expect(try JSONDecoder().decode(UsageEvent.self, from: Data(event.json)) == event)
        var pictures = event
        pictures.usage = TokenUsage(
            input: 1, imageInput: 2, cacheWriteHour: 3, output: 0, images: 4, imagePriceIndex: 5)
        #expect(try JSONDecoder().decode(UsageEvent.self, from: Data(pictures.json)) == pictures)
        var bare = event
        bare.rawUsage = nil
        #expect(try JSONDecoder().decode(UsageEvent.self, from: Data(bare.json)) == bare)
        var cached = event
        cached.saved = NanoUSD(12)
        #expect(try JSONDecoder().decode(UsageEvent.self, from: Data(cached.json)) == cached)
        var pooled = event
        pooled.pool = "fr\"ee"
        #expect(try JSONDecoder().decode(UsageEvent.self, from: Data(pooled.json)) == pooled)
    }
}

@Suite struct ShardTests {
    @Test("the tags spread evenly over the slots of a cluster", arguments: Shard.all)
    func slots(shard: Shard) {
        var crc: UInt16 = 0
        for byte in shard.tag.utf8.dropFirst().dropLast() {
            crc ^= UInt16(byte) << 8
            for _ in 0..<8 { crc = crc & 0x8000 != 0 ? crc << 1 ^ 0x1021 : crc << 1 }
        }
        #expect(Int(crc % 16384) / 256 == shard.index)
    }

    @Test("an org always has the same shard")
    func stable() {
        #expect(Shard(orgID: "org_0000000000000000") == Shard(orgID: "org_0000000000000000"))
        #expect(Set((0..<500).map { Shard(orgID: "org_\($0)").index }).count == Shard.count)
    }
}

@Suite struct ChangeNotificationTests {
    @Test("reads what it writes", arguments: [ChangeNotification.config(42), .key(digest: "abc", version: 7), .lost])
    func roundTrip(change: ChangeNotification) { #expect(ChangeNotification(message: change.message) == change) }

    @Test("ignores noise", arguments: ["", "config", "config x", "key a b", "other 1"])
    func noise(message: String) { #expect(ChangeNotification(message: message) == nil) }
}

@Suite struct ScopeLimitsTests {
    @Test("own limits tighten a plan and never loosen it")
    func tighten() {
        let plan = ScopeLimits(requestsPerMinute: 10, requestsPerDay: 50)
        let own = ScopeLimits(requestsPerMinute: 100, requestsPerDay: 5, perMonth: NanoUSD(7))
        let both = plan.tightened(by: own)
        #expect(both == ScopeLimits(requestsPerMinute: 10, requestsPerDay: 5, perMonth: NanoUSD(7)))
    }
}
