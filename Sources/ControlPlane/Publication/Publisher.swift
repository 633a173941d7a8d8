internal import GatewayModel
package import KeyMaterial
package import Logging
package import Operations
internal import PlaneContract
package import StateRedisAccess
internal import Synchronization

/// Publishes configuration changes from PostgreSQL to Redis.
///
/// It reads unpublished change rows, pushes the current state of what they refer to, then marks them published. If
/// interrupted, it repeats the work; versions only rise, so that is harmless, as is pushing the same key from both
/// lanes.
package actor Publisher {
    /// Keys read and pushed in one batch: few enough not to delay a revocation in the other lane.
    private static let keysPerBatch = 1_000
    private static let orgsPerBatch = 200

    private let store: any PublicationSource
    private let redis: StateRedis
    private let atRestSealer: Sealer
    private let snapshotSealer: Sealer
    private let sealKey: LiveSecret
    private let metrics: MetricsRegistry
    private let log: Logger
    /// The version of the seal key used for the newest snapshot pushed here.
    package private(set) var sealedUnder: Int?
    private var rounds: [PublicationLane: Rounds] = [:]

    /// One lane's running round, and the next one, which everyone who asks in the meantime shares.
    private struct Rounds {
        var current: Task<Bool, Never>?
        var next: Task<Bool, Never>?
    }

    /// - Parameters:
    ///   - kek: opens the credentials in PostgreSQL.
    ///   - sealKey: seals them for the snapshot.
    package init(
        store: any PublicationSource, redis: StateRedis, kek: LiveSecret, sealKey: LiveSecret, metrics: MetricsRegistry,
        log: Logger
    ) {
        self.store = store
        self.redis = redis
        atRestSealer = Sealer(kek, purpose: .credentialAtRest)
        snapshotSealer = Sealer(sealKey, purpose: .credentialInSnapshot)
        self.sealKey = sealKey
        self.metrics = metrics
        self.log = log
    }

    /// Publishes everything pending. Returns whether that succeeded.
    package func publish() async -> Bool {
        async let rest = publishBulk()
        let isDone = await publishUrgent()
        return await rest && isDone
    }

    /// Publishes the changes that must not wait behind bulk changes of orgs: keys, the catalogue, suspensions.
    package func publishUrgent() async -> Bool { await publish(.urgent) }

    /// Publishes all other changes of orgs.
    package func publishBulk() async -> Bool { await publish(.bulk) }

    /// Waits for a round that starts after this call: the running round may have read before the caller's change.
    private func publish(_ lane: PublicationLane) async -> Bool {
        if let next = rounds[lane]?.next { return await next.value }
        let before = rounds[lane]?.current
        let round = Task {
            _ = await before?.value
            begin(lane)
            return await self.round(lane)
        }
        rounds[lane, default: Rounds()].next = round
        return await round.value
    }

    private func begin(_ lane: PublicationLane) { rounds[lane] = Rounds(current: rounds[lane]?.next) }

    /// The format of the key records this program writes.
    ///
    /// It changes with the schema or the program, which may then encode the same rows differently.
    package func recordFormat() async throws -> String { "\(KeyRecord.formatVersion).\(try await store.schema())" }

    /// Deletes a bounded number of changes that were published long ago, and returns how many.
    package func pruneChanges() async throws -> Int64 { try await store.pruneChanges() }

    /// Publishes every key, changed or not, to a Redis that lost them.
    package func publishAllKeys() async throws {
        try await redis.pushAll(format: try await recordFormat()) { [store] last in
            let page = try await store.keys(after: last)
            return (page.map { ($0.digest, $0.record) }, page.last?.record.keyID)
        }
    }

    /// Publishes the snapshot and the recently used keys, so that most clients need not wait for the rest.
    package func publishSnapshotAndUsedKeys() async throws {
        try await pushSnapshot()
        try await push(keyIDs: try await store.usedKeys())
    }

    /// Publishes the snapshot and everything published since `ms` again, to a Redis that lost at most that.
    package func republish(sinceMs ms: Int64) async throws {
        try await pushSnapshot()
        let subjects = try await store.published(sinceMs: ms)
        try await push(keyIDs: subjects.keyIDs)
        for orgs in Self.batches(subjects.orgIDs, of: Self.orgsPerBatch) {
            try await push(keys: try await store.keys([], orgs: Set(orgs)))
        }
        log.info(
            "republished changes", metadata: ["keys": "\(subjects.keyIDs.count)", "orgs": "\(subjects.orgIDs.count)"])
    }

    private func push(keyIDs: [String]) async throws {
        for some in Self.batches(keyIDs, of: Self.keysPerBatch) {
            try await push(keys: try await store.keys(Set(some), orgs: []))
        }
    }

    private static func batches(_ ids: [String], of count: Int) -> [ArraySlice<String>] {
        stride(from: 0, to: ids.count, by: count).map { ids[$0..<min($0 + count, ids.count)] }
    }

    private func round(_ lane: PublicationLane) async -> Bool {
        do {
            while true {
                let pending = try await store.pending(lane)
                guard !pending.isEmpty else { return true }
                if !pending.keyIDs.isEmpty || !pending.orgIDs.isEmpty {
                    try await push(keys: try await store.keys(pending.keyIDs, orgs: pending.orgIDs))
                }
                if pending.catalogue { try await pushSnapshot() }
                try await store.markPublished(pending.changeIDs)
                metrics.add("aihub_control_changes_published_total", by: Double(pending.changeIDs.count))
            }
        } catch {
            log.warning("cannot publish changes yet", metadata: ["reason": "\(error)"])
            return false
        }
    }

    private func push(keys: [PublishedKey]) async throws {
        try await redis.push(keys.map { ($0.digest, $0.record) })
    }

    /// Publishes the snapshot again if the current version of the seal key has changed.
    package func publishUnderNewSealKey() async throws {
        guard let sealedUnder, sealedUnder != sealKey.file.current.number else { return }
        try await pushSnapshot()
    }

    private func pushSnapshot() async throws {
        // Read first: what is read below is sealed under this version or a newer one.
        let version = sealKey.file.current.number
        var (snapshot, unopened) = try await readSnapshot()
        // A credential may have been read just before it was sealed under a new KEK.
        if !unopened.isEmpty { (snapshot, unopened) = try await readSnapshot() }
        for id in unopened {
            log.error(
                "cannot decrypt a credential, left it out of the snapshot; is this the right KEK?",
                metadata: ["id": "\(id)"])
        }
        try await redis.push(snapshot)
        sealedUnder = version
        metrics.set("aihub_control_snapshot_version", to: Double(snapshot.version))
    }

    private func readSnapshot() async throws -> (snapshot: GatewaySnapshot, unopened: [String]) {
        let unopened = Unopened()
        let snapshot = try await store.snapshot { [atRestSealer, snapshotSealer] id, sealed in
            do {
                let context = CredentialEntry.sealContext(id)
                return try snapshotSealer.seal(try atRestSealer.open(sealed, context: context), context: context)
            } catch {
                unopened.ids.withLock { $0.append(id) }
                return nil
            }
        }
        return (snapshot, unopened.ids.withLock { $0 })
    }

    private final class Unopened: Sendable {
        let ids = Mutex<[String]>([])
    }
}
