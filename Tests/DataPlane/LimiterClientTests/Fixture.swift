import Admission
import GatewayModel
import LimiterClient
import Logging
import Operations
import PlaneContract
import Reactor
import Redis
import TestPeers

func caller(_ keyID: String = "key_1", outagePolicy: OutagePolicy = .deny, concurrent: Int64? = nil) -> Caller {
    var limits = ScopeLimits()
    limits.concurrentRequests = concurrent
    return Caller(
        KeyRecord(
            keyID: keyID, orgID: "org_1", name: "n", plan: "p", version: 1, orgVersion: 1, status: .active,
            expiresAtMs: nil, allowedModels: nil, keyLimits: limits, orgLimits: ScopeLimits(),
            outagePolicy: outagePolicy))
}

func admitRequest(_ caller: Caller, number: UInt64 = 1) -> AdmitRequest {
    AdmitRequest(
        id: RequestID(milliseconds: 1_700_000_000_000, random: (number, number)), caller: caller, estimatedTokens: 10,
        hold: NanoUSD(700), holdMin: NanoUSD(1), floorCost: NanoUSD(700), event: Array("{}".utf8), lifetimeMs: 600_000)
}

let info = "run_id:abc\r\nmaxmemory_policy:noeviction\r\n"
let admitted: [RedisPeer.Reply] =
    ["0", "1700000000000", "202611/20261122,202611/20261122", "700", "-1"].map { .text($0) }
    + ["-1", "-1", "-1", "-1", "-1", "0"].map { .text($0) }

/// A limiter's connection and its gate to a peer.
struct Limiter {
    let connection: LimiterConnection
    let gate: LimiterGate
    let reads: LimiterReads

    static func connected(to peer: RedisPeer, log: Logger, onFenced: @escaping (Shard) -> Void = { _ in }) async
        -> OnLoop<Limiter>
    {
        let limiter = OnLoop { reactor in
            let connection = LimiterConnection(
                peer.endpoint, on: reactor, deadlineMs: 600_000, loopID: "w.0",
                readBuffer: .allocate(byteCount: 64 << 10, alignment: 64), log: log)
            connection.onFenced = onFenced
            let gate = LimiterGate(on: reactor, deadlineMs: 50, metrics: .init())
            return Limiter(connection: connection, gate: gate, reads: LimiterReads(connection, gate))
        }
        await limiter.run { $0.connection.connect() }
        return limiter
    }
}
