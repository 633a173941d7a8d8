internal import Admission
internal import CurlTransport
internal import DataPlaneHTTP
internal import GatewayModel
internal import Glibc
internal import KeyMaterial
internal import Logging
internal import Operations
internal import PlaneContract
internal import Reactor
internal import RequestWalk
internal import Routing

/// What the requests of one reactor share. Everything here belongs to that reactor: nothing is locked.
final class LoopServices: RequestServices {
    private static let readBufferBytes = 64 << 10

    let reactor: Reactor
    let bounds: Bounds
    let limiter: LimiterConnection
    let settles: SettlePump
    let readBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: LoopServices.readBufferBytes, alignment: 64)
    private let keys: KeyTable
    private let curl: CurlMulti
    private let digester: KeyDigester
    private let settings: WorkerSettings
    private let owner: String
    private let memory: MemoryGuard
    private let metrics: MetricsRegistry
    private var counters: RequestCounters
    private let log: Logger
    private var world: WalkWorld
    private var endpoints: [ObjectIdentifier: UpstreamEndpoint] = [:]
    private var resting: [String: Int64] = [:]
    private var connections: [ObjectIdentifier: ClientConnection] = [:]
    private var listeners: [Listener] = []
    private var random = Xoshiro256()
    private(set) var isDraining = false

    init(
        on reactor: Reactor, settings: WorkerSettings, owner: String, digester: KeyDigester, memory: MemoryGuard,
        metrics: MetricsRegistry, log: Logger, onReached: @escaping () -> Void
    ) {
        self.reactor = reactor
        self.settings = settings
        self.owner = owner
        self.digester = digester
        self.memory = memory
        self.metrics = metrics
        counters = RequestCounters(metrics)
        self.log = log
        bounds = settings.bounds
        limiter = LimiterConnection(
            settings.stateRedis, on: reactor, deadlineMs: settings.limiterDeadlineMs, owner: owner,
            readBuffer: readBuffer, log: log)
        settles = SettlePump(limiter, metrics: metrics, log: log)
        keys = KeyTable(limiter)
        curl = CurlMulti(on: reactor)
        world = WalkWorld(
            owner: owner, table: .empty, settings: settings.walk, bounds: settings.bounds, digests: { _ in [] },
            isResting: { _ in false })
        use(.empty)
        limiter.onReached = onReached
        limiter.connect()
    }

    func serve(_ server: PublicServer) { listeners.append(Listener(server, services: self)) }

    /// Serves a connection whose TLS somebody else has taken off.
    func adopt(_ descriptor: Int32, from address: PeerAddress) {
        guard let listener = listeners.first else { return Socket.close(descriptor) }
        listener.take(descriptor, from: address, isSecured: true)
    }

    func stopListening() {
        for listener in listeners { listener.stop() }
        listeners.removeAll()
    }

    // MARK: Configuration

    func use(_ table: RoutingTable) {
        for endpoint in endpoints.values { endpoint.retire() }
        endpoints.removeAll(keepingCapacity: true)
        resting.removeAll(keepingCapacity: true)
        world = WalkWorld(
            owner: owner, table: table, settings: settings.walk, bounds: bounds,
            digests: { [digester] in digester.digests(of: $0) },
            isResting: { [unowned self] in (resting[$0] ?? 0) > reactor.nowMs })
    }

    func forgetKey(digest: String) { keys.forget(digest: digest) }

    // MARK: RequestServices

    func makeContext() -> WalkContext {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let wallMs = Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
        let id = RequestID(milliseconds: wallMs, random: (random.next(), random.next()))
        return WalkContext(id: id, world: world, wallMs: wallMs, randomSeed: random.next())
    }

    var isOverloaded: Bool { memory.isShort }

    func lookUpKey(digests: [String], fresh: Bool, reply: @escaping (KeyLookup) -> Void) {
        keys.lookUp(digests, fresh: fresh, reply: reply)
    }

    func peek(_ caller: Caller, reply: @escaping (PeekVerdict) -> Void) { limiter.peek(caller, reply: reply) }

    func admit(_ request: AdmitRequest, reply: @escaping (AdmitAnswer) -> Void) {
        guard !settles.isFull else { return reply(.unavailable) }
        limiter.admit(request, reply: reply)
    }

    func settle(_ request: SettleRequest) { settles.settle(request) }
    func reportProgress(_ report: ProgressReport) { settles.report(report, owner: owner) }

    func rest(deployment: String, forMs: Int64) { resting[deployment] = reactor.nowMs + forMs }

    func startAttempt(_ request: UpstreamRequest, deliver: @escaping (WalkEvent) -> Void) -> any UpstreamAttempt {
        counters.attempts.add()
        let call = UpstreamCall(
            endpoint: endpoint(for: request.target), headers: ["X-Request-Id: \(request.id)"], body: request.body)
        let number = request.attempt
        let transfer = curl.start(call) { event in
            switch event {
            case .head(let status, let contentType, let retryAfterMs):
                deliver(
                    .attemptHead(attempt: number, status: status, contentType: contentType, retryAfterMs: retryAfterMs))
            case .bytes(let bytes): deliver(.attemptBytes(attempt: number, bytes))
            case .ended: deliver(.attemptEnded(attempt: number))
            case .insecure(let reason): deliver(.attemptFailed(attempt: number, .insecure(reason)))
            case .notSent(let reason): deliver(.attemptFailed(attempt: number, .notSent(reason)))
            case .broke(let reason): deliver(.attemptFailed(attempt: number, .ambiguous(reason)))
            }
        }
        return CurlAttempt(transfer: transfer)
    }

    private func endpoint(for target: RouteTarget) -> UpstreamEndpoint {
        if let known = endpoints[ObjectIdentifier(target)] { return known }
        let made = UpstreamEndpoint(
            url: target.provider.baseURL + "/chat/completions",
            headers: [("Content-Type", "application/json"), ("Accept", "*/*"), ("User-Agent", "aihub")],
            bearer: target.credential, allowedNetworks: target.provider.allowedNetworks, connectMs: settings.connectMs)
        endpoints[ObjectIdentifier(target)] = made
        return made
    }

    func finished(_ report: WalkReport) {
        counters.request(report.endpoint, report.status).add()
        guard let error = report.error else { return }
        metrics.add("aihub_worker_errors_total", [("type", error.rawValue)])
        log.debug(
            "request failed",
            metadata: [
                "request": "\(report.id)", "type": "\(error.rawValue)", "detail": "\(report.detail)",
                "attempts": "\(report.attempts)",
            ])
    }

    func opened(_ connection: ClientConnection) { connections[ObjectIdentifier(connection)] = connection }
    func closed(_ connection: ClientConnection) { connections[ObjectIdentifier(connection)] = nil }

    // MARK: The end

    /// Requests under way, and settles that Redis does not have yet.
    var unfinished: Int { connections.values.count { $0.isUnfinished } + settles.waiting }

    func drain() {
        isDraining = true
        for connection in Array(connections.values) { connection.drain() }
    }

    func shutDownRequests() { for connection in Array(connections.values) { connection.shutDown() } }

    func stop() {
        limiter.stop()
        reactor.stop()
    }
}

private struct CurlAttempt: UpstreamAttempt {
    let transfer: UpstreamTransfer

    func cancel() { transfer.cancel() }
    func release() { transfer.release() }
    func pause() { transfer.pause() }
    func resume() { transfer.resume() }
}
