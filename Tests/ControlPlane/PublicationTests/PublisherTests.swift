import Foundation
import GatewayModel
import KeyMaterial
import Logging
import Operations
import PlaneContract
import Publication
import Redis
import RedisModel
import StateRedisAccess
import Testing

/// A publisher between a database and a Redis in memory.
@Suite struct PublisherTests {
    private let source = MemorySource()
    private let redis = RedisModel()
    private let publisher: Publisher
    private let kek: LiveSecret
    private let sealKey: LiveSecret
    private let folder: URL

    init() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("publisher-\(UUID().uuidString)")
        self.folder = folder
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        func secret(_ name: String, _ byte: UInt8) throws -> LiveSecret {
            let path = folder.appendingPathComponent(name).path
            try Self.write([(1, byte)], to: path)
            return try LiveSecret(path: path)
        }
        kek = try secret("kek", 1)
        sealKey = try secret("seal-key", 2)
        publisher = Publisher(
            store: source, redis: StateRedis(client: redis), kek: kek, sealKey: sealKey, metrics: MetricsRegistry(),
            log: Logger(label: "publisher-tests"))
    }

    private static func write(_ versions: [(Int, UInt8)], to path: String) throws {
        let lines = versions.map { "\($0.0):" + Data(repeating: $0.1, count: 32).base64EncodedString() }
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func record(_ id: String) throws -> KeyRecord? {
        let text = redis.with { $0.hashes[RedisKeys.keyRecord(digest: "d-" + id)]?["record"] }
        return try text.map { try JSONDecoder().decode(KeyRecord.self, from: Data($0.utf8)) }
    }

    private func snapshot() throws -> GatewaySnapshot {
        let text = try #require(redis.with { $0.hashes[RedisKeys.snapshot]?["record"] })
        return try JSONDecoder().decode(GatewaySnapshot.self, from: Data(text.utf8))
    }

    @Test("a record is in Redis before its version rises, and workers are told last")
    func order() async throws {
        source.change(key: "k1", version: 3, status: .revoked)
        #expect(await publisher.publishUrgent())
        #expect(try record("k1")?.status == .revoked)
        let names = redis.with { $0.commands.map { $0[0] == "FCALL" ? $0[1] : $0[0] } }
        #expect(names == ["gw2_put_key", "gw2_raise", "gw2_raise", "PUBLISH"])
        let versions = redis.with { $0.hashes[RedisKeys.versions(Shard(orgID: "org_a"))] }
        #expect(versions == ["k1": "3", RedisKeys.orgScope("org_a"): "1"])
        #expect(redis.with { $0.published } == ["key d-k1 4"])
    }

    @Test("a change counts as published only once it is in Redis")
    func unreachable() async throws {
        source.change(key: "k1", version: 1)
        redis.with { $0.isReachable = false }
        #expect(await !publisher.publish())
        #expect(source.unpublished == 1)
        redis.with { $0.isReachable = true }
        #expect(await publisher.publish())
        #expect(source.unpublished == 0)
        #expect(try record("k1") != nil)
    }

    @Test("an older record never replaces a newer one")
    func older() async throws {
        source.change(key: "k1", version: 9)
        #expect(await publisher.publish())
        source.change(key: "k1", version: 8)
        #expect(await publisher.publish())
        #expect(try record("k1")?.version == 9)
    }

    @Test("who asks while a round runs waits for one that has read their change")
    func rounds() async throws {
        source.change(key: "k1", version: 1)
        source.with { [source] in $0.whileReading = { source.change(key: "k2", version: 1) } }
        async let first = publisher.publishUrgent()
        async let second = publisher.publishUrgent()
        let both = await (first, second)
        #expect(both.0 && both.1)
        #expect(source.unpublished == 0)
        #expect(try record("k2") != nil)
    }

    @Test("an urgent change does not publish the bulk ones")
    func lanes() async throws {
        source.change(key: "k1", version: 1, lane: .bulk)
        source.change(key: "k2", version: 1, org: "org_b")
        #expect(await publisher.publishUrgent())
        #expect(try record("k1") == nil)
        #expect(try record("k2") != nil)
        #expect(await publisher.publishBulk())
        #expect(try record("k1") != nil)
    }

    @Test("all keys are published page by page, and only then is the set complete")
    func allKeys() async throws {
        for id in ["k1", "k2", "k3", "k4", "k5"] { source.change(key: id, version: 1) }
        try await publisher.publishAllKeys()
        for id in ["k1", "k2", "k3", "k4", "k5"] { #expect(try record(id) != nil) }
        let format = redis.with { $0.hashes[RedisKeys.keySetComplete]?["form"] }
        #expect(format == (try await publisher.recordFormat()))
    }

    @Test("a Redis that is wiped in between is never called complete")
    func wipedInBetween() async throws {
        for id in ["k1", "k2", "k3"] { source.change(key: id, version: 1) }
        redis.beforeEachCommand { state, words in
            if words.contains("gw2_put_key"), words.contains("k:d-k3") { state.wipe(newRunID: "run2") }
        }
        await #expect(throws: RedisError.self) { try await publisher.publishAllKeys() }
        #expect(redis.with { $0.hashes[RedisKeys.keySetComplete] } == nil)
    }

    @Test("only what was published since is published again, by key and by org")
    func republish() async throws {
        source.change(key: "k1", version: 1)
        #expect(await publisher.publish())
        source.with { $0.nowMs = 2_000_000 }
        source.change(key: "k2", version: 1, org: "org_b")
        source.change(key: "k3", version: 1, org: "org_c", lane: .bulk)
        #expect(await publisher.publish())
        redis.with { $0.wipe(newRunID: "run2") }
        try await publisher.republish(sinceMs: 2_000_000)
        #expect(try record("k1") == nil)
        #expect(try record("k2") != nil)
        #expect(try record("k3") != nil)
        #expect(try snapshot().version == 1)
    }

    @Test("credentials are sealed anew for workers; one that no KEK opens is left out")
    func credentials() async throws {
        let atRest = Sealer(kek, purpose: .credentialAtRest)
        let sealed = try atRest.seal(Secret("sk-1"), context: "credential|c1")
        let swapped = try atRest.seal(Secret("sk-2"), context: "credential|c1")
        source.with {
            $0.credentials = [
                CredentialEntry(id: "c1", sealed: sealed), CredentialEntry(id: "c2", sealed: swapped),
            ]
        }
        source.changeCatalogue()
        #expect(await publisher.publish())
        let published = try snapshot().credentials
        #expect(published.map(\.id) == ["c1"])
        let worker = Sealer(sealKey, purpose: .credentialInSnapshot)
        #expect(try worker.open(published[0].sealed, context: "credential|c1").reveal() == "sk-1")
        #expect(throws: (any Error).self) { try atRest.open(published[0].sealed, context: "credential|c1") }
    }

    @Test("the snapshot is published again under a new seal key, and only then")
    func newSealKey() async throws {
        try await publisher.publishUnderNewSealKey()
        #expect(await publisher.sealedUnder == nil)
        source.changeCatalogue()
        #expect(await publisher.publish())
        try await publisher.publishUnderNewSealKey()
        #expect(try snapshot().version == 1)
        try Self.write([(1, 2), (2, 3)], to: folder.appendingPathComponent("seal-key").path)
        try sealKey.refresh()
        try await publisher.publishUnderNewSealKey()
        #expect(try snapshot().version == 2)
        #expect(await publisher.sealedUnder == 2)
    }
}
