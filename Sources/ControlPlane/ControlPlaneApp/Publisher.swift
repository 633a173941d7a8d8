internal import AdminStore
internal import GatewayModel
internal import KeyMaterial
internal import Logging
internal import Operations
internal import PlaneContract
internal import Redis
internal import Synchronization

/// Carries changes of configuration from PostgreSQL to Redis: takes the rows that are not published yet, pushes what they
/// concern as it is now, then marks them. Interrupted anywhere, it does the same again; versions only rise, so that is
/// harmless, and so is that two lanes push the same key at once.
actor Publisher {
    /// Keys read and pushed at once: few enough that a revocation beside it is not kept waiting.
    private static let keysAtOnce = 1_000
    private static let orgsAtOnce = 200

    private let store: PublicationStore
    private let redis: StateRedis
    private let atRest: Sealer
    private let inSnapshot: Sealer
    private let sealKey: LiveSecret
    private let metrics: MetricsRegistry
    private let log: Logger
    /// The version of the seal key that the newest snapshot pushed here is sealed under.
    private(set) var sealedUnder: Int?
    private var rounds: [PublicationStore.Lane: Rounds] = [:]

    /// Of one lane: the round under way, and the next one, which all callers that arrive meanwhile share.
    private struct Rounds {
        var current: Task<Bool, Never>?
        var next: Task<Bool, Never>?
    }

    init(
        store: PublicationStore, redis: StateRedis, kek: LiveSecret, sealKey: LiveSecret, metrics: MetricsRegistry,
        log: Logger
    ) {
        self.store = store
        self.redis = redis
        atRest = Sealer(kek, purpose: .credentialAtRest)
        inSnapshot = Sealer(sealKey, purpose: .credentialInSnapshot)
        self.sealKey = sealKey
        self.metrics = metrics
        self.log = log
    }

    /// Publishes all that is pending now. Returns whether that worked.
    func publish() async -> Bool {
        async let rest = publishBulk()
        let isDone = await publishUrgent()
        return await rest && isDone
    }

    /// Publishes what does not have to wait for bulk changes of orgs: keys, the catalogue, suspended orgs.
    func publishUrgent() async -> Bool { await publish(.urgent) }

    /// Publishes the other changes of orgs.
    func publishBulk() async -> Bool { await publish(.bulk) }

    /// A caller that arrives during a round shares the next one: the round under way may have read before their change.
    private func publish(_ lane: PublicationStore.Lane) async -> Bool {
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

    private func begin(_ lane: PublicationStore.Lane) { rounds[lane] = Rounds(current: rounds[lane]?.next) }

    /// How key records are made here: another schema or program may make others of the same rows.
    func form() async throws -> String { "\(KeyRecord.form).\(try await store.schema())" }

    /// Publishes every key there is, changed or not: for a Redis that lost them.
    func publishAllKeys() async throws {
        try await redis.pushAll(form: try await form()) { [store] last in
            let page = try await store.keys(after: last)
            return (page.map { ($0.digest, $0.record) }, page.last?.record.keyID)
        }
    }

    /// Publishes the snapshot and the keys that were used lately, so that most callers need not wait for the others.
    func publishWhatIsUsed() async throws {
        try await pushSnapshot()
        try await push(keyIDs: try await store.usedKeys())
    }

    /// Publishes the snapshot and what was published since then once more: for a Redis that may have lost no more than that.
    func publish(againSinceMs ms: Int64) async throws {
        try await pushSnapshot()
        let subjects = try await store.published(sinceMs: ms)
        try await push(keyIDs: subjects.keyIDs)
        for orgs in Self.batches(subjects.orgIDs, of: Self.orgsAtOnce) {
            try await push(keys: try await store.keys([], orgs: Set(orgs)))
        }
        log.info(
            "published again", metadata: ["keys": "\(subjects.keyIDs.count)", "orgs": "\(subjects.orgIDs.count)"])
    }

    private func push(keyIDs: [String]) async throws {
        for some in Self.batches(keyIDs, of: Self.keysAtOnce) {
            try await push(keys: try await store.keys(Set(some), orgs: []))
        }
    }

    private static func batches(_ ids: [String], of count: Int) -> [ArraySlice<String>] {
        stride(from: 0, to: ids.count, by: count).map { ids[$0..<min($0 + count, ids.count)] }
    }

    private func round(_ lane: PublicationStore.Lane) async -> Bool {
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
            log.warning("changes wait to be published", metadata: ["reason": "\(error)"])
            return false
        }
    }

    private func push(keys: [PublicationStore.StoredKey]) async throws {
        try await redis.push(keys.map { ($0.digest, $0.record) })
    }

    /// Publishes the snapshot once more where the seal key in use is another one than it was.
    func publishUnderNewSealKey() async throws {
        guard let sealedUnder, sealedUnder != sealKey.file.current.number else { return }
        try await pushSnapshot()
    }

    private func pushSnapshot() async throws {
        // What is read below is sealed under this version or a newer one.
        let version = sealKey.file.current.number
        var (snapshot, unopened) = try await readSnapshot()
        // A credential may have been read a moment before it was sealed under another KEK.
        if !unopened.isEmpty { (snapshot, unopened) = try await readSnapshot() }
        for id in unopened {
            log.error(
                "credential cannot be opened and is left out; is the KEK the right one?", metadata: ["id": "\(id)"])
        }
        try await redis.push(snapshot)
        sealedUnder = version
        metrics.set("aihub_control_snapshot_version", to: Double(snapshot.version))
    }

    private func readSnapshot() async throws -> (snapshot: GatewaySnapshot, unopened: [String]) {
        let unopened = Unopened()
        let snapshot = try await store.snapshot { [atRest, inSnapshot] id, sealed in
            do {
                let context = "credential|" + id
                return try inSnapshot.seal(try atRest.open(sealed, context: context), context: context)
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
