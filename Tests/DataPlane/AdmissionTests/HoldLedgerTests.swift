import Admission
import GatewayModel
import PlaneContract
import Testing

@Suite struct HoldLedgerTests {
    private static let caller = Caller(
        KeyRecord(
            keyID: "key_1", orgID: "org_1", name: "n", plan: "p", version: 1, orgVersion: 1, status: .active,
            expiresAtMs: nil, allowedModels: nil, keyLimits: ScopeLimits(), orgLimits: ScopeLimits()))
    private static let shard = caller.scopes.shard

    private static func admit(_ number: UInt64) -> AdmitRequest {
        AdmitRequest(
            id: RequestID(milliseconds: 1, random: (number, number)), caller: caller, estimatedTokens: 10,
            hold: NanoUSD(100), holdMin: NanoUSD(10), floorCost: NanoUSD(5), event: Array("{}".utf8), lifetimeMs: 1_000)
    }

    private static func settle(_ request: AdmitRequest, _ cost: Int64) -> SettleRequest {
        SettleRequest(
            id: request.id.text, scopes: caller.scopes, target: .settled, cost: NanoUSD(cost), tokens: 1, event: [],
            periods: "1/2,1/2", refundsRequest: false)
    }

    private static let admission = Admission(
        atMs: 7, periods: "1/2,1/2", hold: NanoUSD(80), requests: nil, tokens: nil)

    private func id(_ number: UInt64) throws -> StreamID { try #require(StreamID("5-\(number)")) }

    @Test("a running request is known with what is really held and last reported")
    func running() {
        var holdLedger = HoldLedger()
        let request = Self.admit(1)
        holdLedger.admitted(request, Self.admission, generation: "1")
        holdLedger.progressed(
            ProgressReport(id: request.id, caller: Self.caller, cost: NanoUSD(60), hold: NanoUSD(90), event: [1]))
        holdLedger.setHold(NanoUSD(90), of: request.id)
        let open = holdLedger.running(in: Self.shard)
        #expect(open.count == 1 && open[0].hold == NanoUSD(90) && open[0].cost == NanoUSD(60) && open[0].event == [1])
        #expect(Shard.all.filter { $0 != Self.shard }.allSatisfy { holdLedger.running(in: $0).isEmpty })
    }

    @Test("an ended request is remembered until the ledger has it, in the order of the stream")
    func acknowledged() throws {
        var holdLedger = HoldLedger()
        let requests = (1...3).map { Self.admit(UInt64($0)) }
        for request in requests {
            holdLedger.admitted(request, Self.admission, generation: "1")
            holdLedger.ended(Self.settle(request, 9), generation: "1", atMs: 0)
        }
        #expect(holdLedger.openCount == 0 && holdLedger.unconfirmedCount == 3)
        for (at, request) in requests.enumerated() {
            holdLedger.confirmed(request.id.text, at: try id(UInt64(at)), atMs: 0)
        }
        #expect(holdLedger.unconfirmedCount == 0 && holdLedger.unacknowledged == [Self.shard])
        #expect(holdLedger.acknowledged(Self.shard, upTo: try id(1)) == requests.prefix(2).map(\.id.text))
        #expect(holdLedger.acknowledged(Self.shard, upTo: try id(1)).isEmpty)
        #expect(holdLedger.endedCount == 3, "Redis may still lose what they spent")
        holdLedger.dropAcknowledged(confirmedBefore: 1)
        #expect(holdLedger.endedCount == 1)
    }

    @Test("what was confirmed by a lost process of Redis is owed again, and can be confirmed anew")
    func unconfirmed() throws {
        var holdLedger = HoldLedger()
        let request = Self.admit(1)
        holdLedger.admitted(request, Self.admission, generation: "1")
        holdLedger.ended(Self.settle(request, 9), generation: "1", atMs: 0)
        holdLedger.confirmed(request.id.text, at: try id(1), atMs: 0)
        holdLedger.unconfirm(Self.shard)
        #expect(holdLedger.unconfirmedCount == 1 && holdLedger.ended(in: Self.shard).map(\.streamID) == [nil])
        #expect(holdLedger.acknowledged(Self.shard, upTo: try id(9)).isEmpty)
        holdLedger.confirmed(request.id.text, at: try id(2), atMs: 0)
        let done = holdLedger.acknowledged(Self.shard, upTo: try id(9))
        #expect(holdLedger.unconfirmedCount == 0 && done.count == 1)
    }

    @Test("a request belongs to the life it was admitted in, until the shard moves with it running")
    func lives() {
        var holdLedger = HoldLedger()
        let (old, moved) = (Self.admit(1), Self.admit(2))
        for request in [old, moved] { holdLedger.admitted(request, Self.admission, generation: "1") }
        #expect(holdLedger.ended(Self.settle(old, 1), generation: "2", atMs: 0) == "1")
        holdLedger.move(Self.shard, to: "2")
        #expect(holdLedger.ended(Self.settle(moved, 1), generation: "2", atMs: 0) == "2")
        #expect(holdLedger.ended(Self.settle(Self.admit(3), 1), generation: "2", atMs: 0) == "2", "it never had a hold")
        let late = holdLedger.ended(Self.settle(Self.admit(4), 1), generation: "2", preparing: "3", atMs: 0)
        #expect(late == "3", "what was filed does not have it")
    }

    @Test("a cancel leaves nothing behind once Redis has it")
    func cancelled() {
        var holdLedger = HoldLedger()
        let request = Self.admit(1)
        holdLedger.ended(Self.settle(request, 0), generation: "1", atMs: 0)
        holdLedger.confirmed(request.id.text, at: nil, atMs: 0)
        #expect(holdLedger.endedCount == 0 && holdLedger.unconfirmedCount == 0)
    }

    @Test("only what is confirmed and old is evicted")
    func evicted() throws {
        var holdLedger = HoldLedger()
        let requests = (1...3).map { Self.admit(UInt64($0)) }
        for (at, request) in requests.enumerated() {
            holdLedger.ended(Self.settle(request, 1), generation: "1", atMs: Int64(at) * 100)
        }
        holdLedger.confirmed(requests[0].id.text, at: try id(1), atMs: 0)
        holdLedger.confirmed(requests[2].id.text, at: try id(2), atMs: 200)
        holdLedger.evict(confirmedBefore: 150)
        #expect(Set(holdLedger.ended(in: Self.shard).map(\.request.id)) == Set(requests.dropFirst().map(\.id.text)))
        #expect(holdLedger.hasEvicted(Self.shard))
        #expect(holdLedger.acknowledged(Self.shard, upTo: try id(9)) == [requests[0].id.text, requests[2].id.text])
        #expect(!holdLedger.hasEvicted(Self.shard))
    }

    @Test("what is read back from the disk is owed again, whatever was acknowledged by then")
    func remembered() throws {
        var holdLedger = HoldLedger()
        let request = Self.admit(1)
        holdLedger.ended(Self.settle(request, 1), generation: "1", atMs: 0)
        holdLedger.confirmed(request.id.text, at: try id(1), atMs: 0)
        holdLedger.evict(confirmedBefore: 1)
        holdLedger.reload([(Self.settle(request, 1), "1")], of: Self.shard, atMs: 5)
        #expect(!holdLedger.hasEvicted(Self.shard) && holdLedger.unconfirmedCount == 1)
        #expect(holdLedger.acknowledged(Self.shard, upTo: try id(9)).isEmpty, "its old place says nothing")
        holdLedger.confirmed(request.id.text, at: try id(7), atMs: 6)
        #expect(holdLedger.acknowledged(Self.shard, upTo: try id(7)) == [request.id.text])
    }

    @Test("stream ids are in the order of their numbers, not of their text")
    func order() throws {
        let (early, later, late) = (
            try #require(StreamID("9-2")), try #require(StreamID("9-10")), try #require(StreamID("10-1"))
        )
        #expect(early < later && later < late)
        #expect(StreamID("x") == nil && StreamID("") == nil && StreamID("1") == nil)
    }
}
