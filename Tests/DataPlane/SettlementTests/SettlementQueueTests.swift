import Admission
import GatewayModel
import Journal
import Operations
import PlaneContract
import Settlement
import TestPeers
import Testing

@Suite struct SettlementQueueTests {
    @Test("a settle is in the journal before it is sent, and the same bytes are sent until Redis confirms them")
    func repeats() async throws {
        let attempts = Notes<[String]>()
        let journaled = Notes<Bool>()
        let look = Notes<@Sendable () -> Bool>()
        let peer = RedisPeer { command in
            guard command.name == "FCALL", command.words[1] == "gw2_settle" else { return .text(info) }
            attempts.add(command.words)
            for isJournaled in look.all { journaled.add(isJournaled()) }
            return attempts.all.count < 3 ? .error("ERR busy") : .array([.text("0"), .text("5-1")])
        }
        let rig = try Rig(peer)
        look.add { [weak rig] in rig?.journaled()["r1"] == .ended }
        #expect(await rig.connect())
        await rig.loop.run { $0.settlements.settle(settleRequest("r1")) }
        #expect(await eventually { await rig.loop.run { $0.settlements.unconfirmedCount == 0 } })
        #expect(attempts.all.count == 3 && Set(attempts.all).count == 1)
        #expect(journaled.all.first == true)
        #expect(rig.metrics.value("aihub_worker_settle_retries_total") == 2)
        // Redis has it, the ledger not yet.
        #expect(await rig.loop.run { !$0.settlements.isEmpty })
    }

    @Test("a request is forgotten once the ledger has acknowledged its place in the stream, and not before")
    func acknowledged() async throws {
        let upTo = Notes<String>()
        let peer = RedisPeer { command in
            switch command.name {
            case "GET": upTo.all.last.map { .text("abc 7 " + $0) } ?? .null
            case "FCALL": .array([.text("0"), .text("5-1")])
            default: .text(info)
            }
        }
        let rig = try Rig(peer)
        #expect(await rig.connect())
        upTo.add("5-0")
        await rig.loop.run {
            $0.settlements.settle(settleRequest("r1"))
            $0.settlements.followLedger()
        }
        let asked: @Sendable () -> Int = { peer.commands("GET").count }
        #expect(await eventually { asked() >= 2 })
        #expect(await rig.loop.run { !$0.settlements.isEmpty })
        upTo.add("5-1")
        #expect(await eventually { await rig.loop.run { $0.settlements.isEmpty } })
    }

    @Test("a cancel that came after the request was reaped is settled, so that what was charged is given back")
    func reaped() async throws {
        let peer = RedisPeer { command in
            guard command.name == "FCALL" else { return .text(info) }
            return command.words.contains("C")
                ? .array([.text("1"), .text("R"), .text("5-1")]) : .array([.text("0"), .text("5-2")])
        }
        let rig = try Rig(peer)
        #expect(await rig.connect())
        await rig.loop.run { $0.settlements.settle(settleRequest("r1", .cancelled)) }
        #expect(await eventually { peer.calls("gw2_settle").count == 2 })
        #expect(peer.calls("gw2_settle").map { $0.contains("C") } == [true, false])
        #expect(await eventually { await rig.loop.run { $0.settlements.unconfirmedCount == 0 } })
    }

    @Test("requests of dead workers are adopted, journaled here, and settled; a second time they are sent no more")
    func adopted() async throws {
        let peer = RedisPeer { $0.name == "FCALL" ? .array([.text("0"), .text("5-1")]) : .text(info) }
        let rig = try Rig(peer)
        #expect(await rig.connect())
        let records = (1...3).map {
            JournalRecord(.ended, settleRequest(requestID($0).text), generation: "7", admittedMs: 0)
        }
        #expect(await rig.loop.run { $0.settlements.adopt(records, wallMs: 0) } == 3)
        #expect(await eventually { await rig.loop.run { $0.settlements.unconfirmedCount == 0 } })
        #expect(Set(rig.journaled().keys) == Set(records.map(\.request.id)))
        #expect(await rig.loop.run { $0.settlements.adopt(records, wallMs: 0) } == 3)
        #expect(peer.calls("gw2_settle").count == 3)
    }
}
