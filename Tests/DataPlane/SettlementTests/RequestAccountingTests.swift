import Admission
import GatewayModel
import Journal
import PlaneContract
import RequestWalk
import Settlement
import TestPeers
import Testing

@Suite struct RequestAccountingTests {
    private func admit(_ policy: OutagePolicy, in rig: Rig, _ number: UInt64 = 1) async -> String {
        await rig.loop.ask { loop, done in
            loop.accounting.admit(admitRequest(caller(policy), requestID(number))) { answer in
                switch answer {
                case .verdict(.admitted(let admission)): done(admission.isLocal ? "locally" : "admitted")
                case .verdict(.fenced): done("fenced")
                case .verdict(.stale): done("stale")
                case .verdict: done("verdict")
                case .unavailable: done("unavailable")
                case .notAsked(let error): done("not asked" + (error.map { " \($0.kind)" } ?? ""))
                }
            }
        }
    }

    @Test("what the limiter admitted is journaled as running, so that a crash charges it")
    func admits() async throws {
        let rig = try Rig(RedisPeer { $0.name == "FCALL" ? admitted : .text(info) })
        #expect(await rig.connect())
        #expect(await admit(.deny, in: rig) == "admitted")
        #expect(await eventually { rig.journaled().values.contains(.running) })
    }

    @Test(
        "without Redis a request is admitted locally if its key allows that, and journaled all the same",
        arguments: [(OutagePolicy.deny, "not asked"), (.allow, "locally")])
    func outage(policy: OutagePolicy, outcome: String) async throws {
        let peer = RedisPeer { _ in .text(info) }
        peer.stop()
        let rig = try Rig(peer)
        #expect(await admit(policy, in: rig) == outcome)
        if policy == .allow { #expect(await eventually { rig.journaled().values.contains(.running) }) }
        #expect(rig.journaled().isEmpty == (policy == .deny))
    }

    @Test(
        "while a shard is fenced a request is admitted locally, but never under a record that has changed",
        arguments: [("0", "locally"), ("2", "stale")])
    func fenced(head: String, outcome: String) async throws {
        let peer = RedisPeer { command in
            guard command.name == "FCALL" else { return .text(info) }
            if command.words[1] == "gw2_peek" { return .array([.text(head), .text("1")]) }
            return .array([.text("3"), .text("9"), .text("abc")])
        }
        let rig = try Rig(peer)
        #expect(await rig.connect())
        #expect(await admit(.allow, in: rig) == outcome)
        // A key that must not run without its limits gets the limiter's own answer.
        #expect(await admit(.deny, in: rig, 2) == (outcome == "stale" ? "stale" : "fenced"))
    }

    @Test("a request cancelled while it waits at the gate is never sent, and none of it is settled")
    func withdrawn() async throws {
        let peer = RedisPeer { $0.name == "FCALL" ? .silence : .text(info) }
        let rig = try Rig(peer)
        #expect(await rig.connect())
        // As many as may be in flight, and one more.
        let ids = (1...17).map { requestID($0) }
        await rig.loop.run { loop in
            for id in ids { loop.accounting.admit(admitRequest(caller(), id)) { _ in } }
            loop.accounting.settle(settleRequest(ids[16].text, .cancelled))
        }
        #expect(await eventually { peer.calls("gw2_admit").count == 16 })
        #expect(await rig.loop.run { $0.settlements.unconfirmedCount } == 0)
        await rig.loop.run { $0.accounting.settle(settleRequest(ids[0].text, .cancelled)) }
        #expect(await eventually { peer.calls("gw2_settle").count == 1 })
    }
}
