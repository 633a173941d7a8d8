internal import ConfigurationFollower
internal import DataPlaneHTTP
internal import EventLoops
internal import FoundationEssentials
internal import HealthSharing
internal import Journal
internal import KeyMaterial
internal import Logging
internal import LoopWatch
internal import NIOCore
internal import NIOPosix
internal import Operations
internal import PlaneContract
internal import ProcessLimits
internal import Reaping
internal import Redis
internal import RequestWalk
internal import Routing
internal import ServiceLifecycle
internal import Settlement
internal import TLSFront
internal import UnixSignals
package import WorkerConfiguration

/// Assembles a worker and runs it; its services stop in an order that loses nothing.
package struct WorkerApp: Sendable {
    private let settings: WorkerSettings
    private let log = Logger(label: "aihub-worker")

    /// - Parameter settings: already validated; files they name are read by `run`.
    package init(settings: WorkerSettings) { self.settings = settings }

    /// Runs until SIGTERM or SIGINT, then drains. A second signal cuts the drain short.
    ///
    /// - Throws: when a secret file or the state folder cannot be used, or a port cannot be bound.
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
        let (adoption, watchdog) = await start(loops, journals, metrics)
        let follower = makeFollower(loops, health, on: background.next(), secrets, metrics)
        follower.startFromDisk()

        let (draining, forceShutdown) = (Flag(), Flag())
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
        loops.serve(server)
        let secured = try SecuredListener(settings, loops, counter, on: background, metrics: metrics, log: log)
        log.info("worker serves", metadata: served(on: server.port, operations: operations.port, as: workerID))

        let tasks = makeTasks(loops, health, follower, secrets, on: background.next(), as: workerID, metrics)
            .adding([{ await memory.run() }, { if let secured { await secured.refresh() } }])
        let listeners = ListenersService(
            loops: loops, servers: [server, secured?.server].compactMap { $0 },
            openTLS: { secured?.front.open ?? 0 }, forceShutdown: forceShutdown, settings: settings, log: log)
        // They stop from the last to the first, each once the one after it has.
        try await ServiceGroup(
            configuration: .init(
                services: [
                    .init(
                        service: LoopsService(
                            loops: loops, journals: journals, watchdog: watchdog, adopting: adoption.adopting)),
                    .init(service: tasks), .init(service: listeners), .init(service: adoption),
                    .init(
                        service: StopSignal(signals: signals, draining: draining, forceShutdown: forceShutdown),
                        successTerminationBehavior: .gracefullyShutdownGroup),
                ], logger: log)
        ).run()
        await operations.stop()
        log.info("worker ended")
    }

    /// Starts journals, loops and watchdog, and adopts what a dead worker left on this disk.
    ///
    /// - Returns: the adoption of what did not fit at once, and the watchdog, which starts only now because the first
    ///   adoption may take long.
    private func start(
        _ loops: WorkerLoops, _ journals: JournalFolder, _ metrics: MetricsRegistry
    ) async -> (adoption: AdoptionService, watchdog: LoopWatchdog) {
        journals.start()
        loops.start()
        let adoption = Adoption(journals.orphaned(), metrics: metrics, log: log) { await loops.adopt($0) }
        let left = await adoption.begin()
        await loops.begin()
        let watchdog = LoopWatchdog(loops.watched, stallMs: settings.stallMs, log: log)
        watchdog.start()
        return (AdoptionService(adoption, left: left), watchdog)
    }

    private func served(on port: Int, operations: Int, as workerID: String) -> Logger.Metadata {
        ["url": "http://\(settings.plainHost):\(port)/v1", "operations": "\(operations)", "worker": "\(workerID)"]
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
                loops.use(table)
            },
            forgetKey: { digest, version in loops.forgetKey(digest: digest, before: version) },
            onLost: { loops.checkShards() })
    }

    private func makeTasks(
        _ loops: WorkerLoops, _ health: SharedHealthTable, _ follower: SnapshotFollower, _ secrets: WorkerSecrets,
        on eventLoop: any EventLoop, as workerID: String, _ metrics: MetricsRegistry
    ) -> BackgroundTasks {
        let reaper = Reaper(
            redis: RedisClient(settings.stateRedis, on: eventLoop, deadline: .seconds(2)),
            loopStatuses: loops.loopStatuses, heartbeatMs: settings.heartbeatMs, silenceMs: settings.silenceMs,
            metrics: metrics, log: log)
        let sharing = HealthShare(
            redis: RedisClient(settings.stateRedis, on: eventLoop, deadline: .seconds(2)), board: health,
            everyMs: settings.heartbeatMs)
        let followSecrets: @Sendable () async -> Void = { [settings, log] in
            await secrets.follow(
                as: workerID, settings.stateRedis, on: eventLoop, log: log, sealedUnder: { follower.sealedUnder },
                apply: { newPeppers, newSealKey in
                    if newPeppers { loops.use(secrets.digester) }
                    if newSealKey { loops.use(secrets.cacheSecrets) }
                })
        }
        return BackgroundTasks(
            bodies: [{ await reaper.run() }, { await sharing.run() }, { await follower.run() }, followSecrets],
            stopped: { await reaper.deregister() })
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
}
