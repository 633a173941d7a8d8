import AdminCore
import Foundation
import KeyMaterial
import Logging
import Operations
import PlaneContract
import Publication
import RedisModel
import StateRedisAccess
import Testing

/// When a change is in force on every worker, by the heartbeats in Redis.
@Suite struct PropagationCheckTests {
    private let source = MemorySource()
    private let redis = RedisModel()
    private let check: PropagationCheck

    init() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("check-\(UUID().uuidString)").path
        try ("1:" + Data(repeating: 1, count: 32).base64EncodedString()).write(
            toFile: path, atomically: true, encoding: .utf8)
        let secret = try LiveSecret(path: path)
        let state = StateRedis(client: redis)
        let publisher = Publisher(
            store: source, redis: state, kek: secret, sealKey: secret, metrics: MetricsRegistry(),
            log: Logger(label: "propagation-tests"))
        check = PropagationCheck(publisher: publisher, redis: state)
    }

    /// - Parameter beats: the age of each heartbeat in milliseconds, and what follows its time.
    private func pending(_ beats: [String: (ageMs: Int64, mark: String)]) async -> PendingPropagation? {
        redis.with { state in
            for (owner, beat) in beats {
                state.hashes[RedisKeys.heartbeats(Shard.all[0]), default: [:]][owner] =
                    String(state.nowMs - beat.ageMs) + beat.mark
            }
        }
        return await check.publishAndCheck(.urgent)
    }

    private func waiting(for workers: String...) -> PendingPropagation {
        PendingPropagation(publication: false, workers: workers)
    }

    @Test("a worker that asks Redis about every request obeys at once")
    func connected() async { #expect(await pending(["w-1.0": (0, ""), "w-2.0": (7_500, "")]) == nil) }

    @Test("a worker without a recent heartbeat may still admit, until it must have stopped")
    func silent() async {
        #expect(await pending(["w-1.0": (7_501, "")]) == waiting(for: "w-1.0"))
        #expect(await pending(["w-1.0": (12_000, "")]) == waiting(for: "w-1.0"))
        #expect(await pending(["w-1.0": (12_001, "")]) == nil)
    }

    @Test("a worker that says it is cut off may admit even with a fresh heartbeat")
    func cutOff() async {
        #expect(await pending(["w-2.0": (0, "!"), "w-1.0": (10, "!")]) == waiting(for: "w-1.0", "w-2.0"))
        #expect(await pending(["w-2.0": (12_001, "!"), "w-1.0": (12_001, "!")]) == nil)
    }

    @Test("a heartbeat that cannot be read counts as a worker that admits")
    func unreadable() async { #expect(await pending(["w-1.0": (0, "x")]) == waiting(for: "w-1.0")) }

    @Test("control planes admit nothing")
    func controlPlanes() async { #expect(await pending(["control-1": (9_000, "!")]) == nil) }

    @Test("what is not published is in force nowhere")
    func unpublished() async {
        source.change(key: "k1", version: 1, status: .revoked)
        redis.with { $0.isReachable = false }
        #expect(await check.publishAndCheck(.urgent) == PendingPropagation(publication: true, workers: []))
        redis.with { $0.isReachable = true }
        #expect(await check.publishAndCheck(.urgent) == nil)
    }

    @Test("everything includes bulk changes, urgent does not wait for them")
    func scopes() async {
        source.change(key: "k1", version: 1, lane: .bulk)
        #expect(await check.publishAndCheck(.urgent) == nil)
        #expect(source.unpublished == 1)
        #expect(await check.publishAndCheck(.everything) == nil)
        #expect(source.unpublished == 0)
    }
}
