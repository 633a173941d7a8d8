internal import DataPlaneHTTP
internal import FoundationEssentials
internal import GatewayModel
internal import Journal
internal import KeyMaterial
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Operations
internal import PlaneContract
internal import Reactor
internal import Redis
internal import RequestWalk
internal import ResponseCache
internal import Routing
internal import Synchronization
internal import TLSFront
internal import UnixSignals

/// Assembles a worker, runs it, and shuts it down in an order that loses nothing.
package struct WorkerApp: Sendable {
    private let settings: WorkerSettings
    private let log = Logger(label: "aihub-worker")

    package init(settings: WorkerSettings) { self.settings = settings }

    /// Runs until SIGTERM or SIGINT, then drains. A second signal cuts the drain short.
    package func run() async throws {
        let secrets = try WorkerSecrets(settings)
        try FileManager.default.createDirectory(
            atPath: settings.stateFolder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        DescriptorLimit.raise(for: settings.bounds.connectionsMax, log: log)
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let workerID = ProcessName.newWorker()
        let journals = try JournalFolder(settings.stateFolder + "/journal", boot: workerID, log: log)
        let metrics = MetricsRegistry()
        WorkerMetrics.describe(in: metrics)
        let background = MultiThreadedEventLoopGroup(numberOfThreads: 1)

        let memory = MemoryGuard(
            budgetBytes: settings.memoryMiB << 20,
            bodies: BodyBudget(settings.bounds, trustedProxies: settings.trustedProxies), metrics: metrics, log: log)
        let health = SharedHealthTable(openMs: settings.walk.restMs)
        let loops = WorkerLoops(
            settings: settings, workerID: workerID, journals: journals, digester: secrets.digester,
            cacheSecrets: secrets.cacheSecrets, memory: memory, health: health, metrics: metrics, log: log)
        let (adopting, watchdog) = await start(loops, journals, metrics)
        let follower = makeFollower(loops, health, on: background.next(), secrets, metrics)
        let reaper = Reaper(
            redis: RedisClient(settings.stateRedis, on: background.next(), deadline: .seconds(2)),
            loopStatuses: loops.loopStatuses,
            heartbeatMs: settings.heartbeatMs, silenceMs: settings.silenceMs, metrics: metrics, log: log)
        follower.startFromDisk()
        let following = Task { await follower.run() }
        let reaping = Task { await reaper.run() }
        let guarding = Task { await memory.run() }
        let sharing = shareHealth(health, on: background.next())
        let followingSecrets = followFiles(secrets, loops, follower, as: workerID, on: background.next())

        let draining = Flag()
        let operations = try await OperationsServer.start(
            host: settings.operationsHost, port: settings.operationsPort, group: background, metrics: metrics,
            liveness: { watchdog.failures }
        ) { Self.readiness(follower, loops, draining) }
        let counter = ConnectionCounter(settings.bounds, trustedProxies: settings.trustedProxies) { bound in
            metrics.add("aihub_worker_connections_refused_total", [("bound", bound.rawValue)])
        }
        let server = try PublicServer(
            host: settings.plainHost, port: settings.port, counter: counter,
            usesProxyProtocol: settings.usesProxyProtocol)
        loops.forEach { $0.serve(server) }
        let secured = try serveTLS(loops, counter, on: background, metrics)
        log.info("worker serves", metadata: served(on: server.port, operations: operations.port, as: workerID))

        var signal = signals.makeAsyncIterator()
        _ = await signal.next()
        draining.set()
        adopting?.cancel()
        let forceShutdown = Flag()
        let secondSignal = Task { [signal] in
            var signal = signal
            if await signal.next() != nil { forceShutdown.set() }
        }
        await drain(loops, [server, secured?.server].compactMap { $0 }, secured?.front, forceShutdown)
        secondSignal.cancel()
        for task in [reaping, guarding, sharing, following, followingSecrets] { task.cancel() }
        await followingSecrets.value
        await adopting?.value
        secured?.refreshing.cancel()
        await reaper.deregister()
        let ledgerHasEverything = await loops.ledgerHasEverything()
        watchdog.stop()
        loops.forEach { $0.stop() }
        journals.stop(removing: ledgerHasEverything)
        await operations.stop()
        log.info("worker ended")
    }

    /// Starts journals, loops and watchdog, and adopts what a dead worker left on this disk.
    ///
    /// - Returns: the task that adopts what did not fit at once, and the watchdog, which starts only now because the
    ///   first adoption may take long.
    private func start(
        _ loops: WorkerLoops, _ journals: JournalFolder, _ metrics: MetricsRegistry
    ) async -> (adopting: Task<Void, Never>?, watchdog: LoopWatchdog) {
        journals.start()
        loops.start()
        let adoption = Adoption(journals.orphaned(), by: loops, metrics: metrics, log: log)
        let left = await adoption.begin()
        await loops.begin()
        let watchdog = LoopWatchdog(loops.watched, stallMs: settings.stallMs, log: log)
        watchdog.start()
        return (left.map { left in Task { await adoption.finish(left) } }, watchdog)
    }

    private func served(on port: Int, operations: Int, as workerID: String) -> Logger.Metadata {
        ["url": "http://\(settings.plainHost):\(port)/v1", "operations": "\(operations)", "worker": "\(workerID)"]
    }

    private func shareHealth(_ board: SharedHealthTable, on eventLoop: any EventLoop) -> Task<Void, Never> {
        let redis = RedisClient(settings.stateRedis, on: eventLoop, deadline: .seconds(2))
        let sharing = HealthShare(redis: redis, board: board, everyMs: settings.heartbeatMs)
        return Task { await sharing.run() }
    }

    private func makeFollower(
        _ loops: WorkerLoops, _ health: SharedHealthTable, on eventLoop: any EventLoop, _ secrets: WorkerSecrets,
        _ metrics: MetricsRegistry
    ) -> SnapshotFollower {
        SnapshotFollower(
            settings.stateRedis, on: eventLoop, file: settings.stateFolder + "/snapshot.json",
            sealer: Sealer(secrets.sealKey, purpose: .credentialInSnapshot), metrics: metrics, log: log,
            apply: { table in
                health.apply(table)
                loops.forEach { $0.use(table) }
            },
            forgetKey: { digest, version in loops.forEach { $0.forgetKey(digest: digest, before: version) } },
            onLost: { loops.forEach { $0.recovery.closeAll() } })
    }

    private func followFiles(
        _ secrets: WorkerSecrets, _ loops: WorkerLoops, _ follower: SnapshotFollower, as workerID: String,
        on eventLoop: any EventLoop
    ) -> Task<Void, Never> {
        Task { [settings, log] in
            await secrets.follow(
                as: workerID, settings.stateRedis, on: eventLoop, log: log, sealedUnder: { follower.sealedUnder },
                apply: { newPeppers, newSealKey in
                    if newPeppers { loops.forEach { $0.use(secrets.digester) } }
                    if newSealKey { loops.forEach { $0.use(secrets.cacheSecrets) } }
                })
        }
    }

    private static func readiness(
        _ follower: SnapshotFollower, _ loops: WorkerLoops, _ draining: Flag
    ) -> OperationsServer.Readiness {
        if draining.isSet { return .notReady(["draining"]) }
        let missing = [
            follower.version > 0 ? nil : "no configuration yet",
            loops.haveOpenedAllShards ? nil : "state Redis is not open yet",
        ].compactMap { $0 }
        return missing.isEmpty ? .ready : .notReady(missing)
    }

    /// Keeps the listeners open for the grace period, then lets requests finish until the deadline, then cuts them.
    private func drain(_ loops: WorkerLoops, _ servers: [PublicServer], _ secured: TLSFront?, _ forceShutdown: Flag)
        async
    {
        log.info("draining", metadata: ["seconds": "\(settings.drainSeconds)"])
        loops.forEach { $0.drain() }
        await wait(seconds: settings.listenerGraceSeconds, forceShutdown) { false }
        await loops.onEach { $0.stopListening() }
        for server in servers { server.close() }
        loops.forEach { $0.drain() }
        await wait(seconds: settings.drainSeconds, forceShutdown) {
            await loops.unfinished() == 0 && (secured?.open ?? 0) == 0
        }
        loops.forEach { $0.shutDownRequests() }
        // Requests cut now must still be settled, second signal or not.
        await wait(seconds: 2, Flag()) { await loops.unfinished() == 0 }
    }

    /// Starts a TLS listener when certificate and key are set, and checks their files every second.
    private func serveTLS(
        _ loops: WorkerLoops, _ counter: ConnectionCounter, on group: any EventLoopGroup, _ metrics: MetricsRegistry
    ) throws -> (front: TLSFront, server: PublicServer, refreshing: Task<Void, Never>)? {
        guard let files = settings.tlsFiles else { return nil }
        let identity = try TLSIdentity(certificateFile: files.certificate, keyFile: files.key)
        let front = TLSFront(
            identity: identity,
            deadlines: .init(handshakeMs: settings.bounds.handshakeMs, lastBytesMs: settings.bounds.writeStallMs),
            group: group)
        let server = try PublicServer(host: settings.host, port: settings.tlsPort, counter: counter) {
            descriptor, address, slot in
            front.serve(
                descriptor, adopt: { Socket.isReserved($0) ? Socket.close($0) : loops.adopt($0, from: address) },
                ended: { slot.release() })
        }
        loops.forEach { $0.serve(server) }
        log.info("worker serves TLS", metadata: ["url": "https://\(settings.host):\(server.port)/v1"])
        metrics.set("aihub_worker_tls_certificate_expires", to: Double(identity.firstExpiry))
        return (front, server, keepFresh(identity, metrics))
    }

    private func keepFresh(_ identity: TLSIdentity, _ metrics: MetricsRegistry) -> Task<Void, Never> {
        Task { [log] in
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(1))
                switch identity.refresh() {
                case .loaded(let expiry):
                    metrics.set("aihub_worker_tls_certificate_expires", to: Double(expiry))
                    log.info("new certificate in use")
                case .refused(let reason):
                    metrics.add("aihub_worker_tls_certificates_refused_total")
                    log.error("new certificate rejected; the old one stays in use", metadata: ["reason": "\(reason)"])
                case nil: break
                }
            }
        }
    }

    private func wait(seconds: Int, _ forceShutdown: Flag, until done: @Sendable () async -> Bool) async {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline, !forceShutdown.isSet {
            if await done() { return }
            try? await Task.sleep(for: .milliseconds(50))
        }
    }
}

/// A one-way flag shared by tasks.
private final class Flag: Sendable {
    private let value = Mutex(false)

    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
}
