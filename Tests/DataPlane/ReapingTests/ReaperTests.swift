import Foundation
import GatewayModel
import LimitScripts
import LoopWatch
import NIOCore
import NIOPosix
import Operations
import PlaneContract
import Reaping
import Redis
import TestPeers
import Testing

@Suite struct ReaperTests {
    private let statuses = ["w.0", "w.1"].map { LoopStatus(loopID: $0) }
    private let metrics = MetricsRegistry()
    private let log = RecordedLog()

    private func reaper(_ peer: RedisPeer, heartbeatMs: Int = 5) -> Reaper {
        Reaper(
            redis: RedisClient(
                peer.endpoint, on: MultiThreadedEventLoopGroup.singleton.next(), deadline: .seconds(600)),
            loopStatuses: statuses, heartbeatMs: heartbeatMs, silenceMs: 400, metrics: metrics, log: log.logger)
    }

    /// Answers as the limiter does, with these holds of dead workers in one shard.
    private func limiter(revision: Int = LimitLibrary.revision, holds: [RedisPeer.Reply] = []) -> RedisPeer {
        RedisPeer { command in
            switch (command.name, command.name == "FCALL" ? command.words[1] : "") {
            case ("HLEN", _): .integer(6)
            case ("HGET", _): .text("7")
            case (_, "gw2_heartbeat"): .array([.text("1700"), .text("7"), .integer(revision)])
            case (_, "gw2_sweep"): .array(command.words[3] == RedisKeys.openHolds(Shard.all[0]) ? holds : [])
            default: .array([.text("0"), .text("5-1")])
            }
        }
    }

    private func running(_ reaper: Reaper, until condition: @escaping @Sendable () async -> Bool) async {
        let task = Task { await reaper.run() }
        #expect(await eventually(condition))
        task.cancel()
        await task.value
    }

    @Test("one heartbeat speaks for all loops that turn, in every shard, and tells how many loops there are")
    func heartbeats() async {
        let peer = limiter()
        statuses[1].setStalled(true)
        await running(reaper(peer)) { [statuses] in statuses[0].liveLoops == 6 }
        #expect(statuses[1].liveLoops == 1 && statuses[0].lastHeartbeatMs > 0)
        let calls = peer.calls("gw2_heartbeat")
        #expect(Set(calls.map { $0[0] }) == Set(Shard.all.map { RedisKeys.heartbeats($0) }))
        #expect(calls.allSatisfy { Array($0.dropFirst()) == ["w.0", "0"] })
    }

    @Test("a limiter older than this worker counts as no heartbeat, so nothing is reaped")
    func older() async {
        let peer = limiter(revision: LimitLibrary.revision - 1)
        await running(reaper(peer)) { peer.commands("HLEN").count >= 2 }
        #expect(statuses.allSatisfy { $0.lastHeartbeatMs == 0 } && peer.calls("gw2_sweep").isEmpty)
        #expect(log.all.contains { $0.hasPrefix("error: the limiter's library is older") })
    }

    @Test("a dead worker's hold is settled at what it last reported, never above the hold; one that only began is free")
    func reaps() async {
        let hold = { (cost: String, more: [String]) in
            RedisPeer.Reply.array(
                (["r1", "dead.0", "1700", cost, "500", Self.event, "202611/20261122"] + more).map { .text($0) })
        }
        let peer = limiter(holds: [hold("900", []), hold("300", []), hold("300", ["B"]), .array([.text("torn")])])
        await running(reaper(peer)) { peer.calls("gw2_settle").count >= 3 }
        // id, generation, target, cost …
        let settles = peer.calls("gw2_settle").prefix(3).map { call in
            let at = call.firstIndex(of: "r1") ?? 0
            return Array(call[(at + 1)..<(at + 4)])
        }
        #expect(settles == [["7", "R", "500"], ["7", "R", "300"], ["7", "B", "300"]])
        #expect(metrics.value("aihub_worker_holds_reaped_total") >= 3)
        #expect(await eventually { peer.calls("gw2_sweep").count >= Shard.all.count })
    }

    /// The event of a request that was just admitted.
    private static let event: String = {
        let event = UsageEvent(
            id: "r1", keyID: "k", orgID: "o", loopID: "dead.0", requested: "m", model: "m", deployment: "d", priceID: 1,
            admittedMs: 0, usage: TokenUsage(), usageSource: .bounded, cost: NanoUSD(500), hold: NanoUSD(500),
            outcome: .completed, status: 200, attempts: 1, streamed: true, refundsRequest: false, firstByteMs: 1,
            durationMs: 1, configVersion: 1, rawUsage: nil)
        return String(decoding: event.json, as: UTF8.self)
    }()

    @Test("says farewell for every loop in every shard")
    func deregisters() async {
        let peer = limiter()
        await reaper(peer).deregister()
        let calls = peer.calls(LimitLibrary.Function.deregister.rawValue)
        #expect(calls.count == Shard.all.count && calls.allSatisfy { $0.suffix(2) == ["w.0", "w.1"] })
    }
}
