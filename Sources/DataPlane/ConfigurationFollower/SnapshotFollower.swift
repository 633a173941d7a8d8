internal import FoundationEssentials
internal import Glibc
package import KeyMaterial
package import Logging
package import NIOCore
package import Operations
internal import PlaneContract
package import Redis
package import Routing
internal import Synchronization

/// Keeps the worker on the newest snapshot.
///
/// Change notifications say when to look, a poll every second makes up for missed ones, and the copy on disk allows a
/// start without Redis or control plane.
package final class SnapshotFollower: Sendable {
    /// Bytes of a snapshot; a longer one closes the connection that reads it.
    package static let snapshotBytesMax = 64 << 20
    private static let pollEvery = TimeAmount.seconds(1)
    /// How long Redis must hold a version older than the one in force before it is applied. After a failover to a
    /// lagging replica the newest is back sooner; after PostgreSQL was restored to an earlier state it never comes.
    private static let olderAppliesAfter = Duration.seconds(10)

    private let endpoint: RedisEndpoint
    private let eventLoop: any EventLoop
    private let redis: RedisClient
    private let file: String
    private let sealer: Sealer
    private let metrics: MetricsRegistry
    private let log: Logger
    private let apply: @Sendable (RoutingTable) -> Void
    private let forgetKey: @Sendable (String, Int64) -> Void
    private let onLost: @Sendable () -> Void
    private let current = Mutex(Current())

    private enum Source: String { case disk, redis }

    private struct Current {
        var version: Int64 = 0
        /// Whether the version came from Redis; one from disk may be another gateway's.
        var isFromRedis = false
        /// Since when Redis has held an older version.
        var olderSince: ContinuousClock.Instant?
        /// Versions of the seal key that the credentials in force, and those on disk, are sealed under.
        var sealedUnder: [Int] = []
    }

    /// - Parameters:
    ///   - file: where the last good snapshot is stored.
    ///   - sealer: opens the credentials in snapshots.
    ///   - apply: runs with each configuration that comes into force.
    ///   - forgetKey: runs when a key has changed, with its digest and its record's new version.
    ///   - onLost: runs when Redis may have lost its counters.
    package init(
        _ endpoint: RedisEndpoint, on eventLoop: any EventLoop, file: String, sealer: Sealer, metrics: MetricsRegistry,
        log: Logger, apply: @escaping @Sendable (RoutingTable) -> Void,
        forgetKey: @escaping @Sendable (String, Int64) -> Void,
        onLost: @escaping @Sendable () -> Void
    ) {
        self.endpoint = endpoint
        self.eventLoop = eventLoop
        redis = RedisClient(endpoint, on: eventLoop, deadline: .seconds(2), replyBytesMax: Self.snapshotBytesMax)
        self.file = file
        self.sealer = sealer
        self.metrics = metrics
        self.log = log
        self.apply = apply
        self.forgetKey = forgetKey
        self.onLost = onLost
    }

    /// The version in force; 0 before the first.
    package var version: Int64 { current.withLock { $0.version } }
    /// Versions of the seal key that the credentials in force, and those on disk, are sealed under.
    package var sealedUnder: [Int] { current.withLock { $0.sealedUnder } }

    /// Applies the snapshot on disk, if there is one; call before the first connection is accepted.
    package func startFromDisk() {
        if let data = try? Data(contentsOf: URL(filePath: file)) { load(data, source: .disk) }
    }

    /// Follows Redis until the task is cancelled.
    package func run() async {
        let (wakeUps, wakeUp) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        listen(wakeUp)
        let poll = eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: Self.pollEvery) { _ in wakeUp.yield() }
        defer { poll.cancel() }
        for await _ in wakeUps {
            if Task.isCancelled { return }
            await checkRedis()
        }
    }

    private func checkRedis() async {
        guard let reply = try? await redis.call("HGET", RedisKeys.snapshot, RedisField.version) else { return }
        // Redis answers but has no snapshot: it was wiped.
        if reply == .null, version > 0 { onLost() }
        guard let version = reply.integer, shouldApply(version),
            let text = try? await redis.call("HGET", RedisKeys.snapshot, RedisField.record).string
        else { return }
        let data = Data(text.utf8)
        if let sealedUnder = load(data, source: .redis) { storeOnDisk(data, sealedUnder) }
    }

    private func shouldApply(_ version: Int64) -> Bool {
        current.withLock { current in
            guard current.isFromRedis, version < current.version else {
                current.olderSince = nil
                return version != current.version
            }
            let since = current.olderSince ?? .now
            current.olderSince = since
            return .now - since >= Self.olderAppliesAfter
        }
    }

    /// - Returns: the versions of the seal key that its credentials are sealed under; `nil` when the snapshot is
    ///   refused.
    @discardableResult
    private func load(_ data: Data, source: Source) -> [Int]? {
        guard let snapshot = try? JSONDecoder().decode(GatewaySnapshot.self, from: data),
            (1...GatewaySnapshot.currentFormat).contains(snapshot.format)
        else {
            metrics.add("aihub_worker_snapshots_refused_total")
            log.error("snapshot unreadable, keeping the last good one", metadata: ["source": "\(source.rawValue)"])
            return nil
        }
        var isSealedUnknown = false
        let table = RoutingTable(snapshot) { [sealer, log] entry in
            do {
                return try sealer.open(entry.sealed, context: entry.sealContext)
            } catch {
                if case Sealer.SealError.unknownVersion = error { isSealedUnknown = true }
                log.error(
                    "credential cannot be decrypted: check the seal key", metadata: ["id": "\(entry.id)"])
                return nil
            }
        }
        // The seal key may still arrive. Until then the snapshot in force keeps serving.
        if isSealedUnknown, version > 0 {
            metrics.add("aihub_worker_snapshots_refused_total")
            return nil
        }
        let sealedUnder = Set(snapshot.credentials.compactMap { Sealer.version(of: $0.sealed) }).sorted()
        current.withLock {
            // The snapshot on disk may be sealed under other versions until this one replaces it.
            let before = $0.sealedUnder
            $0 = Current(version: snapshot.version, isFromRedis: source == .redis)
            $0.sealedUnder = Set(before + sealedUnder).sorted()
        }
        metrics.set("aihub_worker_config_version", to: Double(snapshot.version))
        log.info(
            "configuration in force", metadata: ["version": "\(snapshot.version)", "source": "\(source.rawValue)"])
        apply(table)
        return sealedUnder
    }

    /// Stores the snapshot for the next start: atomically, readable by this user only, credentials still sealed.
    private func storeOnDisk(_ data: Data, _ sealedUnder: [Int]) {
        do {
            try PrivateFile.write(Array(data), to: file)
            current.withLock { $0.sealedUnder = sealedUnder }
        } catch {
            log.warning("snapshot cannot be stored for the next start", metadata: ["reason": "\(error)"])
        }
    }

    /// Subscribes to change notifications on a connection of its own, reopened whenever it closes. Each opening counts
    /// as a notification, since some may have been missed.
    private func listen(_ wakeUp: AsyncStream<Void>.Continuation) {
        let loop = eventLoop
        loop.execute { [self] in
            let onMessage: (String) -> Void = { [forgetKey, onLost] message in
                switch ChangeNotification(message: message) {
                case .config: wakeUp.yield()
                case .key(let digest, let version): forgetKey(digest, version)
                case .lost: onLost()
                case nil: break
                }
            }
            let again: @Sendable () -> Void = { [self] in
                loop.scheduleTask(in: .milliseconds(200)) { self.listen(wakeUp) }
            }
            RedisConnection.connect(to: endpoint, on: loop, onMessage: onMessage, onClose: again).whenComplete {
                result in
                guard case .success(let connection) = result else { return again() }
                connection.value.call(RedisCommand(["SUBSCRIBE", RedisKeys.changeChannel]), deadline: .seconds(2)) {
                    _ in
                    wakeUp.yield()
                }
            }
        }
    }
}
