internal import CacheClient
internal import DataPlaneHTTP
internal import GatewayModel
internal import Journal
internal import KeyDirectory
internal import KeyMaterial
internal import LimiterClient
internal import Logging
internal import LoopWatch
internal import Operations
internal import ProcessLimits
internal import ProviderCalls
internal import Reactor
internal import RequestWalk
internal import ResponseCache
internal import Routing
internal import Settlement
internal import WorkerConfiguration

/// Everything the requests of one reactor share. Confined to that reactor, so nothing is locked.
final class LoopContext: RequestServices {
    private static let readBufferBytes = 64 << 10

    let reactor: Reactor
    let bounds: Bounds
    private let limiter: LimiterConnection
    let settlements: SettlementQueue
    let recovery: ShardRecovery
    let accounting: RequestAccounting
    let reads: LimiterReads
    let readBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: LoopContext.readBufferBytes, alignment: 64)
    /// Parses bodies too large for one turn of the loop.
    let bodyParser: SideThread
    let keys: KeyTable
    /// `nil`: this worker caches no answers.
    private let cache: ResponseCacheClient?
    private let walkCache: WalkCache?
    private let upstreams: Upstreams
    private var digester: KeyDigester
    private let settings: WorkerSettings
    private let loopStatus: LoopStatus
    var loopID: String { loopStatus.loopID }
    private let memory: MemoryGuard
    private var reports: RequestReports
    private let health: SharedHealthTable
    private var cacheSecrets: CacheSecrets
    private var world: WalkWorld
    private(set) lazy var completionReader = CompletionReader(self, loops: settings.threads)
    private let lost = LostAnswers()
    private var connections: [ObjectIdentifier: ClientConnection] = [:]
    private var listeners: [Listener] = []
    private var random = Xoshiro256()
    private(set) var isDraining = false

    init(
        on reactor: Reactor, settings: WorkerSettings, loopStatus: LoopStatus, journal: Journal, digester: KeyDigester,
        cacheSecrets: CacheSecrets, singleFlight: SingleFlight, memory: MemoryGuard, failedKeys: FailedKeyGuard,
        health: SharedHealthTable,
        metrics: MetricsRegistry, log: Logger, onOpen: @escaping () -> Void
    ) {
        self.reactor = reactor
        self.settings = settings
        self.loopStatus = loopStatus
        self.digester = digester
        self.memory = memory
        self.health = health
        self.cacheSecrets = cacheSecrets
        reports = RequestReports(metrics, log)
        bounds = settings.bounds
        bodyParser = SideThread(name: "bodies", bytesMax: settings.bounds.bodiesBytesMax)
        limiter = LimiterConnection(
            settings.stateRedis, on: reactor, deadlineMs: settings.limiterDeadlineMs, loopID: loopStatus.loopID,
            readBuffer: readBuffer, log: log)
        settlements = SettlementQueue(limiter, journal: journal, metrics: metrics, log: log)
        recovery = ShardRecovery(limiter, settlements, loopID: loopStatus.loopID, log: log)
        let gate = LimiterGate(on: reactor, deadlineMs: settings.limiterDeadlineMs, metrics: metrics)
        let local = LocalAdmission(loopStatus, on: reactor, cutOffMs: settings.cutOffMs, metrics: metrics)
        accounting = RequestAccounting(limiter, gate, local, settlements)
        reads = LimiterReads(limiter, gate)
        keys = KeyTable(limiter, gate, failedKeys)
        cache = settings.cacheRedis.map { [readBuffer] endpoint in
            ResponseCacheClient(
                CacheConnection(
                    endpoint, on: reactor, deadlineMs: settings.cacheDeadlineMs, readBuffer: readBuffer,
                    metrics: metrics, log: log),
                secrets: cacheSecrets, singleFlight: singleFlight, metrics: metrics)
        }
        walkCache = cache.map { _ in WalkCache(cacheSecrets, defaultSeconds: settings.cacheSeconds) }
        upstreams = Upstreams(on: reactor, connectMs: settings.connectMs)
        world = WalkWorld(
            loopID: loopStatus.loopID, table: .empty, settings: settings.walk, bounds: settings.bounds,
            digests: { _ in [] },
            health: health)
        use(.empty)
        recovery.onOpen = onOpen
        limiter.onConnected = { [unowned self] in
            keys.connected()
            recovery.connected(to: $0)
        }
        limiter.onFenced = { [unowned self] in recovery.close($0) }
        settlements.onFenced = { [unowned self] in recovery.close($0) }
    }

    /// Adopts requests of dead workers, as far as there is room.
    ///
    /// First called before `begin`, so that these requests are part of what is appended if counters were lost.
    func adopt(_ records: [JournalRecord]) -> Int { settlements.adopt(records, wallMs: Reactor.wallMs()) }

    /// Connects to Redis, and starts following the ledger's acknowledgements.
    func begin() {
        limiter.connect()
        cache?.connect()
        settlements.followLedger()
    }

    func serve(_ server: PublicServer) { listeners.append(Listener(server, services: self)) }

    /// Serves a connection that was accepted and counted elsewhere, its TLS already terminated.
    func adopt(_ descriptor: Int32, from address: PeerAddress) {
        guard !listeners.isEmpty else { return Socket.close(descriptor) }
        ClientConnection(descriptor, from: address, services: self).open()
    }

    func stopListening() {
        for listener in listeners { listener.stop() }
        listeners.removeAll()
    }

    // MARK: Configuration

    func use(_ table: RoutingTable) {
        upstreams.retire()
        world = makeWorld(table)
    }

    private func makeWorld(_ table: RoutingTable) -> WalkWorld {
        WalkWorld(
            loopID: loopID, table: table, settings: settings.walk, bounds: bounds,
            digests: { [unowned self] in digester.digests(of: $0) }, health: health, cache: walkCache,
            secrets: cacheSecrets, lost: lost)
    }

    func use(_ newDigester: KeyDigester) { digester = newDigester }

    func use(_ secrets: CacheSecrets) {
        cacheSecrets = secrets
        walkCache?.use(secrets)
        cache?.use(secrets)
        world = makeWorld(world.table)
    }

    // MARK: RequestServices

    func makeContext() -> WalkContext {
        let wallMs = Reactor.wallMs()
        let id = RequestID(milliseconds: wallMs, random: (random.next(), random.next()))
        return WalkContext(id: id, world: world, wallMs: wallMs, randomSeed: random.next())
    }

    var isOverloaded: Bool { memory.isShort }
    var bodies: BodyBudget { memory.bodies }

    func lookUpResponse(_ lookUp: CacheLookUp, for id: RequestID, reply: @escaping (CacheReply) -> Void) {
        guard let cache else { return reply(.unavailable) }
        cache.lookUp(lookUp, for: id, reply: reply)
    }

    func store(_ answer: CachedResponse, as key: CacheKey, from id: RequestID) {
        cache?.store(answer, as: key, from: id)
    }

    func record(_ report: AttemptReport) { health.record(report, atMs: reactor.nowMs) }

    func startAttempt(_ request: UpstreamRequest, deliver: @escaping (WalkEvent) -> Void) -> any UpstreamAttempt {
        reports.attempted()
        health.began(
            request.target, for: request.key, streams: request.streams, isFirst: request.attempt == 1,
            atMs: reactor.nowMs)
        return upstreams.start(request, deliver: deliver)
    }

    func finished(_ report: WalkReport) {
        if let word = report.cache { cache?.finished(report, word) }
        reports.finished(report, atMs: reactor.nowMs)
    }

    func opened(_ connection: ClientConnection) { connections[ObjectIdentifier(connection)] = connection }
    func closed(_ connection: ClientConnection) { connections[ObjectIdentifier(connection)] = nil }

    // MARK: Shutdown

    /// Requests still running, and settles that Redis has not confirmed.
    var unfinished: Int {
        connections.values.count { $0.isUnfinished } + completionReader.count + settlements.unconfirmedCount
    }

    func drain() {
        isDraining = true
        for connection in Array(connections.values) { connection.drain() }
    }

    func shutDownRequests() {
        for connection in Array(connections.values) { connection.shutDown() }
        completionReader.stop()
    }

    func stop() {
        limiter.stop()
        cache?.stop()
        reactor.stop()
    }
}
