import GatewayModel
import Ledger
import PlaneContract
import Redis
import Testing

/// How the entries of a turn are sorted before they are recorded.
@Suite struct UsageBatchTests {
    private func id(_ number: Int) -> String { "00000000-0000-4000-8000-00000000000\(number)" }

    private func event(_ id: String) -> String {
        let event = UsageEvent(
            id: id, keyID: "key_1", orgID: "org_a", loopID: "w-1.0", requested: "m", model: "m", deployment: "d",
            priceID: 1, admittedMs: 1_767_225_600_000, usage: TokenUsage(), usageSource: .provider, cost: NanoUSD(5),
            hold: NanoUSD(9), outcome: .completed, status: 200, attempts: 1, streamed: false, refundsRequest: false,
            firstByteMs: 1, durationMs: 2, configVersion: 1, rawUsage: nil)
        return String(decoding: event.json, as: UTF8.self)
    }

    private func entry(
        _ streamID: String, _ event: String, shard: Int = 3, kind: String = "final", generation: String? = nil
    ) throws -> UsageStreams.Entry {
        let fields = ["id", id(0), "kind", kind, "event", event] + (generation.map { ["life", $0] } ?? [])
        let value = RESPValue.array([.string(streamID), .array(fields.map { .string($0) })])
        return try #require(UsageStreams.Entry(value, shard: shard))
    }

    @Test("a settled event is recorded, and was counted when it was settled")
    func settled() throws {
        let batch = UsageBatch([try entry("5-0", event(id(1)))])
        #expect(batch.readable.map(\.streamID) == ["5-0"])
        #expect(batch.appended.isEmpty && batch.deadLetters.isEmpty)
        #expect(batch.last == [3: "5-0"])
    }

    @Test("an appended event is yet to be counted, in the generation it was appended in")
    func appended() throws {
        let batch = UsageBatch([try entry("5-0", event(id(1)), generation: "7")])
        #expect(batch.readable.count == 1)
        #expect(batch.appended.map(\.generation) == ["7"])
        #expect(batch.appended.first?.event.id == id(1) && batch.appended.first?.shard == 3)
    }

    @Test("an event both settled and appended is counted once, in either order", arguments: [true, false])
    func both(settledFirst: Bool) throws {
        let settled = try entry("5-0", event(id(1)))
        let appended = try entry("6-0", event(id(1)), generation: "7")
        let batch = UsageBatch(settledFirst ? [settled, appended] : [appended, settled])
        #expect(batch.appended.isEmpty)
        #expect(batch.readable.count == 2)
    }

    @Test("a reaped entry does not stand for the settle that may follow")
    func reaped() throws {
        let reaped = try entry("5-0", event(id(1)), kind: "reaped")
        let batch = UsageBatch([reaped, try entry("6-0", event(id(1)), generation: "7")])
        #expect(batch.appended.count == 1)
    }

    @Test(
        "what is no event becomes a dead letter, and the cursor passes it", arguments: ["", "{}", "[1]", "{\"id\":1}"])
    func unreadable(text: String) throws {
        let batch = UsageBatch([try entry("5-0", event(id(1))), try entry("6-0", text)])
        #expect(batch.readable.map(\.streamID) == ["5-0"])
        #expect(batch.deadLetters.map(\.entry.streamID) == ["6-0"])
        #expect(batch.last == [3: "6-0"])
    }

    @Test("an id that the ledger's column cannot hold is a dead letter")
    func badID() throws {
        let batch = UsageBatch([try entry("5-0", event("not-a-uuid"), generation: "7")])
        #expect(batch.deadLetters.count == 1 && batch.readable.isEmpty && batch.appended.isEmpty)
    }

    @Test("each shard has a cursor of its own")
    func cursors() throws {
        let batch = UsageBatch([
            try entry("5-0", event(id(1)), shard: 1), try entry("9-0", event(id(2)), shard: 2),
            try entry("6-0", event(id(3)), shard: 1),
        ])
        #expect(batch.last == [1: "6-0", 2: "9-0"])
    }

    @Test("an entry of another shape is no entry")
    func entries() {
        let noEvent = RESPValue.array([.string("1-0"), .array([.string("kind"), .string("final")])])
        let otherKind = RESPValue.array([
            .string("1-0"), .array([.string("kind"), .string("open"), .string("event"), .string("{}")]),
        ])
        for value in [RESPValue.null, .array([.string("1-0")]), noEvent, otherKind] {
            #expect(UsageStreams.Entry(value, shard: 0) == nil)
        }
    }
}
