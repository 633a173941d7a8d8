internal import AdminCore
internal import AdminHTTP
internal import AdminStore
internal import AuditLog
internal import FoundationEssentials
internal import KeyMaterial
internal import Ledger
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Operations
internal import Postgres
internal import Publication
internal import Redis
internal import RedisSupervision
internal import RouteExplanations
internal import ServiceLifecycle
internal import SharedBudgets
internal import StateRedisAccess
internal import UnixSignals
internal import Yams

/// Assembles the control plane and runs it until SIGTERM or SIGINT.
package struct ControlApp: Sendable {
    private let settings: ControlSettings
    private let log = Logger(label: "aihub-control")

    /// - Parameter settings: already validated; files they name are read by `run`.
    package init(settings: ControlSettings) { self.settings = settings }

    /// Serves until SIGTERM or SIGINT, then lets running requests finish.
    ///
    /// - Throws: when the schema is not up to date, a secret file cannot be read, or a port cannot be bound.
    package func run() async throws {
        try requireMigrated()
        let secrets = try ControlSecrets(settings)
        let auditKeys = AuditKeys(try SecretFile(path: settings.auditKeyFile))
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let metrics = MetricsRegistry()
        ControlMetrics.describe(in: metrics)
        let pool = PostgresPool(url: settings.postgresURL, role: "gw_cp", threads: settings.postgresConnections)
        let ingestPool = PostgresPool(url: settings.postgresURL, role: "gw_ingest", threads: 1)
        let redis = StateRedis(client: RedisClient(settings.stateRedis, on: group.next(), deadline: .seconds(5)))

        let store = PublicationStore(pool)
        let publisher = Publisher(
            store: store, redis: redis, kek: secrets.kek, sealKey: secrets.sealKey, metrics: metrics, log: log)
        let ingest = LedgerIngest(
            pool: ingestPool,
            redis: RedisClient(settings.stateRedis, on: group.next(), deadline: .seconds(10), replyBytesMax: 64 << 20),
            keptSeconds: settings.usageKeptSeconds, metrics: metrics, log: log)
        let ledger = LedgerStore(pool)
        let sharedBudgets = SharedBudgetDistributor(
            redis: redis, store: SharedBudgetStore(pool), metrics: metrics, log: log)
        let supervisor = StateRedisSupervisor(
            redis: redis, publisher: publisher, ledger: ledger, ingest: ingest,
            sharedBudgets: sharedBudgets,
            metrics: metrics, log: log)
        let auditSealer = AuditSealer(
            pool: PostgresPool(url: settings.postgresURL, role: "gw_ingest", threads: 1), keys: auditKeys,
            metrics: metrics, log: log)
        let propagation = PropagationCheck(publisher: publisher, redis: redis)
        let explaining = RouteExplaining(
            redis: RedisClient(
                settings.stateRedis, on: group.next(), deadline: .seconds(5),
                replyBytesMax: RouteExplaining.replyBytesMax))
        let admin = AdminService(
            stores: PostgresStores(
                pool, reports: reports(), exports: exports(), sealer: Sealer(secrets.kek, purpose: .credentialAtRest),
                catalogueFile: { try YAMLDecoder().decode(CatalogueFile.self, from: $0) }),
            digester: { secrets.digester },
            explainer: { try await explaining.explain($0, allowed: $1) },
            propagation: { await propagation.publishAndCheck($0) })
        try await createAdminToken(admin)

        let operations = try await OperationsServer.start(
            host: settings.operationsHost, port: settings.operationsPort, group: group, metrics: metrics
        ) { supervisor.isOpen ? .ready : .notReady(["the state Redis is not open yet"]) }
        let services: [any Service] = [
            BackgroundLoop { await supervisor.run() }, BackgroundLoop { await ingest.run() },
            BackgroundLoop { await sharedBudgets.run { supervisor.openRunID } },
            BackgroundLoop { await auditSealer.run() },
            BackgroundLoop { [settings, log] in
                await secrets.follow(
                    as: supervisor.instanceID, settings.stateRedis, on: group.next(), publisher: publisher, log: log)
            },
            BackgroundLoop { [settings] in await ChangeFollower(url: settings.postgresURL, publisher: publisher).run()
            },
            try AdminServer.make(
                host: settings.host, port: settings.port, tls: settings.tlsFiles,
                bounds: .init(
                    connections: settings.connections, failedTokensPerMinute: settings.failedTokensPerMinute),
                service: admin, logger: log),
        ]
        log.info(
            "control plane serves",
            metadata: [
                "url": "\(settings.tlsFiles == nil ? "http" : "https")://\(settings.host):\(settings.port)/admin/v1",
                "operations": "\(operations.port)",
            ])
        try await run(services)
        await operations.stop()
    }

    private func run(_ services: [any Service]) async throws {
        var configuration = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: log)
        configuration.maximumGracefulShutdownDuration = Self.stopMax
        try await ServiceGroup(configuration: configuration).run()
    }

    /// How long a stop waits for answers that are still being sent, such as a report whose reader has stopped reading.
    private static let stopMax = Duration.seconds(30)
    /// Reports of usage that may be read at once.
    private static let exportsMax = 2

    /// Lists of requests that may be read at once.
    private static let reportsMax = 2

    private func reports() -> PostgresPool {
        PostgresPool(url: settings.postgresURL, role: "gw_cp", threads: Self.reportsMax)
    }

    private func exports() -> [PostgresPool] {
        (0..<Self.exportsMax).map { _ in PostgresPool(url: settings.postgresURL, role: "gw_cp", threads: 1) }
    }

    private func requireMigrated() throws {
        let migrations = try Migrations(folder: settings.sqlFolder, checksum: Fingerprint.sha256)
        let connection = try PostgresConnection(url: settings.postgresURL)
        guard try migrations.isComplete(on: connection) else { throw NotMigratedError() }
    }

    private struct NotMigratedError: Error, CustomStringConvertible {
        let description = "the database schema is not up to date: run `aihub-control migrate` first"
    }

    /// Creates the admin token on the first start and writes it to a file that only this user can read.
    private func createAdminToken(_ admin: AdminService) async throws {
        guard let token = try await admin.makeAdminToken(replacing: false) else { return }
        try PrivateFile.write(token + "\n", to: settings.adminTokenFile)
        log.notice("admin token created", metadata: ["file": "\(settings.adminTokenFile)"])
    }
}

/// A loop that runs until it is cancelled, as a service.
private struct BackgroundLoop: Service {
    let body: @Sendable () async -> Void

    func run() async throws { await cancelWhenGracefulShutdown { await body() } }
}
