import Admission
import GatewayModel
import LimiterClient
import PlaneContract
import Reactor
import Redis
import RequestWalk
import TestPeers
import Testing

@Suite struct LimiterConnectionTests {
    private let log = RecordedLog()
    private let fenced = Notes<Shard>()

    private func limiter(_ peer: RedisPeer) async -> OnLoop<Limiter> {
        let limiter = await Limiter.connected(to: peer, log: log.logger) { [fenced] in fenced.add($0) }
        return limiter
    }

    private func isUp(_ limiter: OnLoop<Limiter>) async -> Bool {
        await eventually { await limiter.run { $0.connection.isConnected } }
    }

    private func admit(_ limiter: OnLoop<Limiter>) async -> AdmitAnswer {
        await limiter.ask { limiter, done in
            limiter.connection.admit(admitRequest(caller()), answered: { _ in }) { done($0) }
        }
    }

    @Test("a Redis that may evict limits is never used, and the log says what to set")
    func evicting() async {
        let peer = RedisPeer { _ in .text("run_id:abc\r\nmaxmemory_policy:allkeys-lru\r\n") }
        let limiter = await limiter(peer)
        #expect(await eventually { peer.accepted >= 2 })
        #expect(log.all.contains { $0.hasPrefix("error: state Redis may evict") && $0.contains("allkeys-lru") })
        guard case .notAsked(nil) = await admit(limiter) else {
            Issue.record("asked")
            return
        }
        #expect(peer.calls("gw2_admit").isEmpty)
        await limiter.run { $0.connection.stop() }
    }

    @Test("a call presents the generation and the process it assumes; a rejected fence is reported with its shard")
    func fence() async {
        let peer = RedisPeer { $0.name == "INFO" ? .text(info) : .array([.text("3"), .text("9"), .text("abc")]) }
        let limiter = await limiter(peer)
        #expect(await isUp(limiter))
        let shard = caller().scopes.shard
        await limiter.run { $0.connection.setGeneration("8", of: shard) }
        guard case .verdict(.fenced(let now)) = await admit(limiter) else {
            Issue.record("not fenced")
            return
        }
        #expect(now == Fence(generation: "9", redisRunID: "abc") && fenced.all == [shard])
        #expect(peer.calls("gw2_admit").first?.contains("8") == true)
        #expect(peer.calls("gw2_admit").first?.contains("abc") == true)
        await limiter.run { $0.connection.stop() }
    }

    @Test("an answer that is none leaves open whether there is a hold; a call that was not sent does not")
    func unanswered() async {
        let peer = RedisPeer { $0.name == "INFO" ? .text(info) : .hangUp }
        let limiter = await limiter(peer)
        #expect(await isUp(limiter))
        if case .unavailable = await admit(limiter) {} else { Issue.record("the hold may exist") }
        await limiter.run { $0.connection.stop() }
        if case .notAsked(nil) = await admit(limiter) {} else { Issue.record("it was never sent") }
    }

    @Test("counters that were read are known when the limiter cannot be asked, those of other keys are not")
    func lastKnown() async {
        let scope = RedisPeer.Reply.array((0..<15).map { .text("\($0)") })
        let peer = RedisPeer { $0.name == "INFO" ? .text(info) : .array([.text("0"), .text("1700"), scope, scope]) }
        let limiter = await limiter(peer)
        #expect(await isUp(limiter))
        let peek: @Sendable (String) async -> PeekVerdict = { key in
            await limiter.ask { limiter, done in limiter.reads.peek(caller(key)) { done($0) } }
        }
        guard case .use(let use) = await peek("key_1") else {
            Issue.record("unread")
            return
        }
        await limiter.run { $0.connection.stop() }
        if case .lastKnown(let known) = await peek("key_1") { #expect(known == use) } else { Issue.record("forgotten") }
        if case .unavailable = await peek("key_2") {} else { Issue.record("another key's") }
    }
}
