import CacheClient
import GatewayModel
import Operations
import Reactor
import RequestWalk
import ResponseCache
import Synchronization
import TestPeers
import Testing

@Suite struct ResponseCacheClientTests {
    private let stored = Stored()
    private let metrics = MetricsRegistry()
    private let log = RecordedLog()

    /// What the cache Redis holds.
    private final class Stored: Sendable {
        let values = Mutex<[String: [UInt8]]>([:])

        var answer: RedisPeer.Answer {
            { [self] command in
                switch command.name {
                case "PING": .text("PONG")
                case "SET":
                    values.withLock {
                        $0[command.words[1]] = command.bytes[2]
                        return .ok
                    }
                default: .bytes(values.withLock { $0[command.words[1]] ?? [] })
                }
            }
        }
    }

    private func client(_ peer: RedisPeer, deadlineMs: Int = 600_000) async -> OnLoop<ResponseCacheClient> {
        let client = OnLoop { reactor in
            let connection = CacheConnection(
                peer.endpoint, on: reactor, deadlineMs: deadlineMs,
                readBuffer: .allocate(byteCount: 64 << 10, alignment: 64), metrics: metrics, log: log.logger)
            return ResponseCacheClient(connection, secrets: secrets, singleFlight: SingleFlight(), metrics: metrics)
        }
        await client.run { $0.connect() }
        return client
    }

    private func lookUp(
        _ body: String, by number: UInt64, maxAgeMs: Int64 = .max, in client: OnLoop<ResponseCacheClient>
    ) async
        -> String
    {
        await client.ask { client, done in
            client.lookUp(CacheLookUp(key: cacheKey(body), ageMsMax: maxAgeMs), for: id(number)) { reply in
                switch reply {
                case .hit(let answer): done("hit " + answer.model)
                case .miss: done("miss")
                case .unavailable: done("unavailable")
                }
            }
        }
    }

    private func isUp(_ client: OnLoop<ResponseCacheClient>) async -> Bool {
        await eventually { await lookUp("none", by: .random(in: 1_000 ... .max), in: client) != "unavailable" }
    }

    @Test("what one request stored, sealed, the next one hits; an answer too old for its reader is a miss")
    func stores() async {
        let peer = RedisPeer(stored.answer)
        let client = await client(peer)
        #expect(await isUp(client))
        #expect(await lookUp("a", by: 1, in: client) == "miss")
        let made = answer("m", madeMs: Reactor.wallMs() - 20_000)
        await client.run { $0.store(made, as: cacheKey("a"), from: id(1)) }
        #expect(await eventually { metrics.value("aihub_worker_cache_kept_total") == 1 })
        #expect(await lookUp("a", by: 2, in: client) == "hit m")
        #expect(await lookUp("a", by: 3, maxAgeMs: 10_000, in: client) == "miss")
        let value = stored.values.withLock { $0[cacheKey("a").redisName] } ?? []
        #expect(secrets.open(value, for: cacheKey("a")) == made)
        await client.run { $0.stop() }
    }

    @Test("a value that was not sealed for this key is a miss, and counted")
    func forged() async {
        let peer = RedisPeer(stored.answer)
        let client = await client(peer)
        #expect(await isUp(client))
        let moved = secrets.seal(answer("m", madeMs: Reactor.wallMs()), for: cacheKey("other")) ?? []
        stored.values.withLock { $0[cacheKey("a").redisName] = moved }
        #expect(await lookUp("a", by: 1, in: client) == "miss")
        #expect(metrics.value("aihub_worker_cache_errors_total", [("reason", "unreadable")]) == 1)
        await client.run { $0.stop() }
    }

    @Test("a request that waits for an identical one gets its answer, without asking Redis again")
    func shared() async {
        let peer = RedisPeer(stored.answer)
        let client = await client(peer)
        #expect(await isUp(client))
        #expect(await lookUp("a", by: 1, in: client) == "miss")
        let asked = peer.commands("GETRANGE").count
        async let follower = lookUp("a", by: 2, in: client)
        #expect(await eventually { metrics.value("aihub_worker_cache_shared_total") == 1 })
        await client.run { $0.store(answer("m", madeMs: Reactor.wallMs()), as: cacheKey("a"), from: id(1)) }
        #expect(await follower == "hit m" && peer.commands("GETRANGE").count == asked)
        await client.run { $0.stop() }
    }

    @Test("without the cache Redis requests go on, and the log says so once")
    func away() async {
        let peer = RedisPeer(stored.answer)
        peer.stop()
        let client = await client(peer)
        #expect(await eventually { !log.all.isEmpty })
        for n in 1...UInt64(3) { #expect(await lookUp("a", by: n, in: client) == "unavailable") }
        #expect(metrics.value("aihub_worker_cache_errors_total", [("reason", "away")]) == 3)
        #expect(log.all.count == 1 && log.all[0].hasPrefix("warning: cache Redis cannot be reached"))
        await client.run { $0.stop() }
    }

    @Test("after several calls that were not answered in time no more are made for a while")
    func late() async {
        let peer = RedisPeer { $0.name == "PING" ? .text("PONG") : .silence }
        let client = await client(peer, deadlineMs: 20)
        #expect(await eventually { peer.accepted == 1 })
        #expect(
            await eventually {
                _ = await lookUp("a", by: 1, in: client)
                return metrics.value("aihub_worker_cache_errors_total", [("reason", "late")]) >= 3
            })
        let refused = metrics.value("aihub_worker_cache_errors_total", [("reason", "away")])
        #expect(
            await eventually {
                _ = await lookUp("a", by: 1, in: client)
                return metrics.value("aihub_worker_cache_errors_total", [("reason", "away")]) > refused
            })
        await client.run { $0.stop() }
    }
}
