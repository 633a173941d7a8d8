import Admission
import Foundation
import GatewayModel
import KeyDirectory
import LimiterClient
import Operations
import PlaneContract
import Reactor
import Redis
import RequestWalk
import Synchronization
import TestPeers
import Testing

/// What a Redis holds: key records, and whether they are complete.
private final class Records: Sendable {
    let records = Mutex<[String: String]>([:])
    let isComplete = Mutex(true)

    var answer: RedisPeer.Answer {
        { [self] command in
            switch command.name {
            case "INFO": .text("run_id:abc\r\nmaxmemory_policy:noeviction\r\n")
            case "EXISTS": .integer(isComplete.withLock { $0 } ? 1 : 0)
            default: records.withLock { $0[command.words[1]] }.map { .text($0) } ?? .null
            }
        }
    }

    func put(_ digest: String, version: Int64 = 1, status: KeyRecord.Status = .active, expiresAtMs: Int64? = nil) throws
    {
        let record = KeyRecord(
            keyID: "key " + digest, orgID: "org_1", name: "n", plan: "p", version: version, orgVersion: 1,
            status: status, expiresAtMs: expiresAtMs, allowedModels: nil, keyLimits: ScopeLimits(),
            orgLimits: ScopeLimits())
        let text = String(decoding: try JSONEncoder().encode(record), as: UTF8.self)
        records.withLock { $0[RedisKeys.keyRecord(digest: digest)] = text }
    }
}

private let client = PeerAddress(bytes: [192, 0, 2, 7])

@Suite struct KeyTableTests {
    private struct Directory {
        let limiter: LimiterConnection
        let keys: KeyTable
    }

    private let redis = Records()
    private let metrics = MetricsRegistry()

    private func directory(_ peer: RedisPeer, failedPerMinute: Int = 0) async -> OnLoop<Directory> {
        let directory = OnLoop { reactor in
            let limiter = LimiterConnection(
                peer.endpoint, on: reactor, deadlineMs: 600_000, loopID: "w.0",
                readBuffer: .allocate(byteCount: 64 << 10, alignment: 64), log: RecordedLog().logger)
            let keys = KeyTable(
                limiter, LimiterGate(on: reactor, deadlineMs: 50, metrics: metrics),
                FailedKeyGuard(perMinute: failedPerMinute, metrics: metrics))
            limiter.onConnected = { _ in keys.connected() }
            limiter.connect()
            return Directory(limiter: limiter, keys: keys)
        }
        #expect(await eventually { await directory.run { $0.limiter.isConnected } })
        return directory
    }

    private func lookUp(_ digests: [String], fresh: Bool = false, in directory: OnLoop<Directory>) async -> String {
        await directory.ask { directory, done in
            directory.keys.lookUp(digests, fresh: fresh, from: { client }) { found in
                switch found {
                case .found(let caller): done("\(caller.record.keyID) v\(caller.record.version)")
                case .unknown: done("unknown")
                case .unavailable: done("unavailable")
                case .notAsked(let error): done("\(error.kind)")
                }
            }
        }
    }

    @Test("a record is read once; then it is answered from the cache until it is older than a change")
    func cached() async throws {
        let peer = RedisPeer(redis.answer)
        let directory = await directory(peer)
        try redis.put("a")
        #expect(await lookUp(["a"], in: directory) == "key a v1")
        try redis.put("a", version: 2)
        #expect(await lookUp(["a"], in: directory) == "key a v1")
        #expect(peer.commands("HGET").count == 1)
        await directory.run { $0.keys.forget(digest: "a", before: 2) }
        #expect(await lookUp(["a"], in: directory) == "key a v1")
        await directory.run { $0.keys.forget(digest: "a", before: 3) }
        #expect(await lookUp(["a"], in: directory) == "key a v2")
        #expect(await lookUp(["a"], fresh: true, in: directory) == "key a v2")
        #expect(peer.commands("HGET").count == 3)
    }

    @Test("a missing record is an unknown key only where all keys are known to be there")
    func incomplete() async throws {
        let peer = RedisPeer(redis.answer)
        let directory = await directory(peer)
        redis.isComplete.withLock { $0 = false }
        #expect(await lookUp(["a"], in: directory) == "unavailable")
        redis.isComplete.withLock { $0 = true }
        // The marker was not seen before the record was missed.
        let first = await lookUp(["a"], in: directory)
        #expect(first == "unknown" || first == "unavailable")
        #expect(await lookUp(["a"], in: directory) == "unknown")
    }

    @Test("a revoked and an expired key look like an unknown one, a record that cannot be read like an outage")
    func refused() async throws {
        let peer = RedisPeer(redis.answer)
        let directory = await directory(peer)
        try redis.put("revoked", status: .revoked)
        try redis.put("suspended", status: .suspended)
        try redis.put("expired", expiresAtMs: 1)
        redis.records.withLock { $0[RedisKeys.keyRecord(digest: "torn")] = "{" }
        for digest in ["revoked", "suspended", "expired"] {
            #expect(await lookUp([digest], in: directory) == "unknown")
        }
        #expect(await lookUp(["torn"], in: directory) == "unavailable")
    }

    @Test("digests are tried in order, and the first that is known wins")
    func peppers() async throws {
        let peer = RedisPeer(redis.answer)
        let directory = await directory(peer)
        try redis.put("old")
        #expect(await lookUp(["new", "old"], in: directory) == "key old v1")
        try redis.put("newer")
        #expect(await lookUp(["other", "newer", "old"], in: directory) == "key newer v1")
        #expect(await lookUp([], in: directory) == "unknown")
    }

    @Test("an address that failed too often is refused before Redis is asked, known keys are not")
    func failed() async throws {
        let peer = RedisPeer(redis.answer)
        let directory = await directory(peer, failedPerMinute: 2)
        try redis.put("a")
        #expect(await lookUp(["a"], in: directory) == "key a v1")
        var outcomes: [String] = []
        for n in 0..<8 { outcomes.append(await lookUp(["bad \(n)"], in: directory)) }
        #expect(outcomes.first == "unknown" && outcomes.last == "rateLimitExceeded")
        let asked = peer.commands("HGET").count
        #expect(asked == 1 + outcomes.count { $0 == "unknown" })
        #expect(await lookUp(["a"], in: directory) == "key a v1")
        #expect(metrics.value("aihub_worker_key_lookups_refused_total") == Double(outcomes.count { $0 != "unknown" }))
    }

    @Test("look-ups of one digest at the same time ask once")
    func together() async throws {
        let peer = RedisPeer(redis.answer)
        let directory = await directory(peer)
        try redis.put("a")
        let found = Notes<Bool>()
        let count = 5
        let all: [Bool] = await directory.ask { directory, done in
            for _ in 0..<count {
                directory.keys.lookUp(["a"], fresh: false, from: { client }) { lookup in
                    if case .found = lookup { found.add(true) } else { found.add(false) }
                    if found.all.count == count { done(found.all) }
                }
            }
        }
        #expect(all == [true, true, true, true, true] && peer.commands("HGET").count == 1)
    }
}
