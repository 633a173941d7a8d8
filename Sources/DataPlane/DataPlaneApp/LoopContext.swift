internal import Admission
internal import DataPlaneHTTP
internal import GatewayModel
internal import Glibc
internal import Journal
internal import KeyMaterial
internal import Logging
internal import Operations
internal import PlaneContract
internal import Reactor
internal import Redis
internal import RequestWalk
internal import ResponseCache
internal import Routing

/// Everything the requests of one reactor share. Confined to that reactor, so nothing is locked.
final class LoopContext: RequestServices {
    private static let readBufferBytes = 64 << 10

    let reactor: Reactor
    let bounds: Bounds
    let limiter: LimiterConnection
    let settlements: SettlementQueue
    let recovery: ShardRecovery
    let readBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: LoopContext.readBufferBytes, alignment: 64)
    /// Parses bodies too large for one turn of the loop.
    let bodyParser: SideThread
    let gate: LimiterGate
    let keys: KeyTable
    /// `nil`: this worker caches no answers.
    private let cache: ResponseCacheClient?
    private let walkCache: WalkCache?
    private let upstreams: Upstreams
    private var digester: KeyDigester
    private let settings: WorkerSettings
    private let loopStatus: LoopStatus
    var loopID: String { loopStatus.loopID }
    let local: LocalAdmission
    /// Last known counters by key, for `GET /v1/me` while Redis is unreachable.
    var lastUse: [String: KeyUse] = [:]
    static let lastUseMax = 10_000
    private let memory: MemoryGuard
    private let metrics: MetricsRegistry
    private var counters: RequestCounters
    private var hints = OperatorHints()
    private let log: Logger
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
        self.metrics = metrics
        counters = RequestCounters(metrics)
        self.log = log
        bounds = settings.bounds
        bodyParser = SideThread(name: "bodies", bytesMax: settings.bounds.bodiesBytesMax)
        limiter = LimiterConnection(
            settings.stateRedis, on: reactor, deadlineMs: settings.limiterDeadlineMs, loopID: loopStatus.loopID,
            readBuffer: readBuffer, log: log)
        settlements = SettlementQueue(limiter, journal: journal, metrics: metrics, log: log)
        local = LocalAdmission(loopStatus, on: reactor, cutOffMs: settings.cutOffMs, metrics: metrics)
        recovery = ShardRecovery(limiter, settlements, loopID: loopStatus.loopID, log: log)
        gate = LimiterGate(on: reactor, deadlineMs: settings.limiterDeadlineMs, metrics: metrics)
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
    func adopt(_ records: [JournalRecord]) -> Int { settlements.adopt(records, wallMs: Self.wallMs()) }

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

    func forgetKey(digest: String, before version: Int64) { keys.forget(digest: digest, before: version) }

    // MARK: RequestServices

    func makeContext() -> WalkContext {
        let wallMs = Self.wallMs()
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

    /// Milliseconds since 1970 UTC.
    static func wallMs() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

    func record(_ report: AttemptReport) { health.record(report, atMs: reactor.nowMs) }

    func startAttempt(_ request: UpstreamRequest, deliver: @escaping (WalkEvent) -> Void) -> any UpstreamAttempt {
        counters.attempts.add()
        health.began(
            request.target, for: request.key, streams: request.streams, isFirst: request.attempt == 1,
            atMs: reactor.nowMs)
        return upstreams.start(request, deliver: deliver)
    }

    func finished(_ report: WalkReport) {
        counters.request(report.endpoint, report.status).add()
        if let word = report.cache { cache?.finished(report, word) }
        if report.isMisnamed { metrics.add("aihub_worker_models_misnamed_total") }
        guard let error = report.error else { return }
        metrics.add("aihub_worker_errors_total", [("type", error.rawValue)])
        if let hint = hints.hint(in: report, atMs: reactor.nowMs) {
            log.warning(
                "requests are refused for a reason only an operator can fix",
                metadata: ["type": "\(error.rawValue)", "hint": "\(hint)"])
        }
        log.debug(
            "request failed",
            metadata: [
                "request": "\(report.id)", "type": "\(error.rawValue)", "detail": "\(report.detail)",
                "attempts": "\(report.attempts)", "client": "\(report.clientID)",
            ])
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
