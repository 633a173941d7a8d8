import Admission
import Foundation
import GatewayModel
import Journal
import LimiterClient
import LoopWatch
import Operations
import PlaneContract
import Reactor
import Settlement
import TestPeers

let info = "run_id:abc\r\nmaxmemory_policy:noeviction\r\n"

func caller(_ outagePolicy: OutagePolicy = .deny) -> Caller {
    Caller(
        KeyRecord(
            keyID: "key_1", orgID: "org_1", name: "n", plan: "p", version: 1, orgVersion: 1, status: .active,
            expiresAtMs: nil, allowedModels: nil, keyLimits: ScopeLimits(), orgLimits: ScopeLimits(),
            outagePolicy: outagePolicy))
}

func requestID(_ number: UInt64) -> RequestID {
    RequestID(milliseconds: Reactor.wallMs(), random: (number, number))
}

func admitRequest(_ caller: Caller, _ id: RequestID = requestID(1)) -> AdmitRequest {
    AdmitRequest(
        id: id, caller: caller, estimatedTokens: 10, hold: NanoUSD(700), holdMin: NanoUSD(1), floorCost: NanoUSD(700),
        event: Array("{}".utf8), lifetimeMs: 600_000)
}

func settleRequest(_ id: String, _ target: SettleRequest.Target = .settled) -> SettleRequest {
    SettleRequest(
        id: id, scopes: caller().scopes, target: target, cost: NanoUSD(500), tokens: 7, event: Array("{}".utf8),
        periods: "202611/20261122,202611/20261122", refundsRequest: false)
}

let admitted = RedisPeer.Reply.array(
    (["0", "1700000000000", "202611/20261122,202611/20261122", "700", "-1", "-1", "-1", "-1", "-1", "-1", "0"]).map {
        .text($0)
    })

/// What a loop needs to admit and settle, joined to a peer.
struct Loop {
    let limiter: LimiterConnection
    let settlements: SettlementQueue
    let recovery: ShardRecovery
    let accounting: RequestAccounting
}

/// A loop with a journal on disk.
final class Rig: Sendable {
    let folder = FileManager.default.temporaryDirectory.appending(path: "settlement-\(UUID().uuidString)").path
    let metrics = MetricsRegistry()
    let log = RecordedLog()
    let status = LoopStatus(loopID: "w.0")
    let opened = Notes<String>()
    let journals: JournalFolder
    let loop: OnLoop<Loop>

    /// - Parameter opensShards: joins what `ShardRecovery` needs to hear, as a worker does.
    init(_ peer: RedisPeer, opensShards: Bool = false) throws {
        let journals = try JournalFolder(folder, boot: "w", segmentBytes: 1 << 20, log: log.logger)
        self.journals = journals
        let journal = journals.journal("loop0")
        let (metrics, log, status, opened) = (metrics, log, status, opened)
        loop = OnLoop { reactor in
            let limiter = LimiterConnection(
                peer.endpoint, on: reactor, deadlineMs: 600_000, loopID: "w.0",
                readBuffer: .allocate(byteCount: 64 << 10, alignment: 64), log: log.logger)
            let settlements = SettlementQueue(limiter, journal: journal, metrics: metrics, log: log.logger)
            let recovery = ShardRecovery(limiter, settlements, loopID: "w.0", log: log.logger)
            let local = LocalAdmission(status, on: reactor, cutOffMs: 10_000, metrics: metrics)
            if opensShards {
                limiter.onConnected = { recovery.connected(to: $0) }
                limiter.onFenced = { recovery.close($0) }
                settlements.onFenced = { recovery.close($0) }
                recovery.onOpen = { opened.add("open") }
            }
            return Loop(
                limiter: limiter, settlements: settlements, recovery: recovery,
                accounting: RequestAccounting(
                    limiter, LimiterGate(on: reactor, deadlineMs: 50, metrics: metrics), local, settlements))
        }
        journals.start()
    }

    deinit {
        journals.stop(removing: true)
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Connects, and knows the generation of every shard unless recovery is to find it.
    func connect(generation: String? = "7") async -> Bool {
        await loop.run { loop in
            if let generation { for shard in Shard.all { loop.limiter.setGeneration(generation, of: shard) } }
            loop.limiter.connect()
        }
        return await eventually { await loop.run { $0.limiter.isConnected } }
    }

    /// Ids in the journal on disk, by the kind of their last record.
    func journaled() -> [String: JournalRecord.Kind] {
        Dictionary(journals.records(of: "loop0").map { ($0.request.id, $0.kind) }) { $1 }
    }
}
