internal import Admission
internal import CurlTransport
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
internal import Routing

/// What the requests of one reactor share. Everything here belongs to that reactor: nothing is locked.
final class LoopServices: RequestServices {
    private static let readBufferBytes = 64 << 10

    let reactor: Reactor
    let bounds: Bounds
    let limiter: LimiterConnection
    let settles: SettlePump
    let recovery: ShardRecovery
    let readBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: LoopServices.readBufferBytes, alignment: 64)
    private let keys: KeyTable
    private let curl: CurlMulti
    private let digester: KeyDigester
    private let settings: WorkerSettings
    private let pulse: LoopPulse
    private var owner: String { pulse.owner }
    private var local = LocalLimits()
    private var locals: [String: Caller] = [:]
    /// Counters of keys as last seen, for `GET /v1/me` while Redis cannot be asked.
    private var lastUse: [String: KeyUse] = [:]
    private static let lastUseMax = 10_000
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
        on reactor: Reactor, settings: WorkerSettings, pulse: LoopPulse, journal: Journal, digester: KeyDigester,
        memory: MemoryGuard, metrics: MetricsRegistry, log: Logger, onOpen: @escaping () -> Void
    ) {
        self.reactor = reactor
        self.settings = settings
        self.pulse = pulse
        self.digester = digester
        self.memory = memory
        self.metrics = metrics
        counters = RequestCounters(metrics)
        self.log = log
        bounds = settings.bounds
        limiter = LimiterConnection(
            settings.stateRedis, on: reactor, deadlineMs: settings.limiterDeadlineMs, owner: pulse.owner,
            readBuffer: readBuffer, log: log)
        settles = SettlePump(limiter, journal: journal, metrics: metrics, log: log)
        recovery = ShardRecovery(limiter, settles, owner: pulse.owner, log: log)
        keys = KeyTable(limiter)
        curl = CurlMulti(on: reactor)
        world = WalkWorld(
            owner: pulse.owner, table: .empty, settings: settings.walk, bounds: settings.bounds, digests: { _ in [] },
            isResting: { _ in false })
        use(.empty)
        recovery.onOpen = onOpen
        limiter.onConnected = { [unowned self] in recovery.connected(to: $0) }
        limiter.onFenced = { [unowned self] in recovery.shut($0) }
        settles.onFenced = { [unowned self] in recovery.shut($0) }
        limiter.connect()
        settles.followLedger()
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

    func forgetKey(digest: String, before version: Int64) { keys.forget(digest: digest, before: version) }

    // MARK: RequestServices

    func makeContext() -> WalkContext {
        let wallMs = Self.wallMs()
        let id = RequestID(milliseconds: wallMs, random: (random.next(), random.next()))
        return WalkContext(id: id, world: world, wallMs: wallMs, randomSeed: random.next())
    }

    var isOverloaded: Bool { memory.isShort }

    func lookUpKey(digests: [String], fresh: Bool, reply: @escaping (KeyLookup) -> Void) {
        keys.lookUp(digests, fresh: fresh, reply: reply)
    }

    func peek(_ caller: Caller, reply: @escaping (PeekVerdict) -> Void) {
        let keyID = caller.record.keyID
        limiter.peek(caller) { [self] verdict in
            switch verdict {
            case .use(let use):
                if lastUse.count >= Self.lastUseMax { lastUse.removeAll(keepingCapacity: true) }
                lastUse[keyID] = use
                reply(verdict)
            case .unavailable: reply(lastUse[keyID].map { .lastKnown($0) } ?? .unavailable)
            case .stale, .lastKnown: reply(verdict)
            }
        }
    }

    func findRequest(_ id: String, of caller: Caller, reply: @escaping (RequestLookup) -> Void) {
        limiter.call({ RequestLookup.write(id, of: caller, into: &$0) }) { result in
            guard case .success(let value) = result, let items = value.array else { return reply(.unavailable) }
            reply(RequestLookup(reply: items.map { $0.string ?? "" }))
        }
    }

    func admit(_ request: AdmitRequest, reply: @escaping (AdmitAnswer) -> Void) {
        guard !settles.isFull else { return reply(.unavailable) }
        limiter.admit(request) { [self] answer in
            switch answer {
            case .verdict(.admitted(let admission)): settles.admitted(request, admission)
            // Asked in vain, or told that the counters are not to be trusted yet.
            case .unavailable, .verdict(.fenced):
                guard let admission = admitLocally(request) else { break }
                settles.admitted(request, admission)
                return reply(.verdict(.admitted(admission)))
            case .verdict: break
            }
            reply(answer)
        }
    }

    /// Redis cannot be asked. A key whose policy allows it goes on under this loop's share of its limits, as long as this
    /// worker's signs of life got through not long ago: until then a revoked key is known to be.
    private func admitLocally(_ request: AdmitRequest) -> Admission? {
        let record = request.caller.record
        let isCutOff = reactor.nowMs - pulse.lastHeardMs > settings.cutOffMs
        guard record.outagePolicy == .allow || record.outagePolicy == .allowLocal && !isCutOff else { return nil }
        let fits = local.admit(
            request.caller, tokens: request.estimatedTokens, owners: pulse.ownersAlive, atMs: reactor.nowMs)
        guard fits || record.outagePolicy == .allow else { return nil }
        if fits { locals[request.id.text] = request.caller }
        pulse.letIn(atMs: reactor.nowMs)
        metrics.add("aihub_worker_admitted_locally_total")
        let now = Self.wallMs()
        let period = UTCCalendar.periods(atMs: now)
        return Admission(
            atMs: now, periods: "\(period),\(period)", hold: request.hold, requests: nil, tokens: nil, isLocal: true)
    }

    func settle(_ request: SettleRequest) {
        if !locals.isEmpty, let caller = locals.removeValue(forKey: request.id) { local.ended(caller) }
        settles.settle(request)
    }

    func reportProgress(_ report: ProgressReport, reply: @escaping (ProgressVerdict) -> Void) {
        settles.report(report, owner: owner, reply: reply)
    }

    /// Milliseconds since 1970 UTC.
    static func wallMs() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

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
