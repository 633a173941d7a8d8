internal import Admission
internal import CurlTransport
internal import DataPlaneHTTP
internal import GatewayModel
internal import Glibc
internal import KeyMaterial
internal import Logging
internal import NIOCore
internal import Operations
internal import PlaneContract
internal import RequestWalk
internal import Routing

/// What the requests of one event loop share. Everything here belongs to that loop: nothing is locked.
final class LoopServices: RequestServices {
    let eventLoop: any EventLoop
    let limiter: LimiterConnection
    let settles: SettlePump
    private let keys: KeyTable
    private let driver: CurlDriver
    private let digester: KeyDigester
    private let settings: WorkerSettings
    private let owner: String
    private let metrics: MetricsRegistry
    private let log: Logger
    private var table = RoutingTable.empty
    private var resting: [String: NIODeadline] = [:]
    private var handlers: [ObjectIdentifier: RequestHandler] = [:]
    private var random = SystemRandomNumberGenerator()
    private(set) var isDraining = false

    init(
        on eventLoop: any EventLoop, settings: WorkerSettings, owner: String, digester: KeyDigester,
        metrics: MetricsRegistry, log: Logger
    ) {
        self.eventLoop = eventLoop
        self.settings = settings
        self.owner = owner
        self.digester = digester
        self.metrics = metrics
        self.log = log
        limiter = LimiterConnection(
            settings.stateRedis, on: eventLoop, deadlineMs: settings.limiterDeadlineMs, owner: owner, log: log)
        settles = SettlePump(limiter, metrics: metrics, log: log)
        keys = KeyTable(limiter)
        driver = CurlDriver(for: eventLoop)
        limiter.connect()
    }

    // MARK: Configuration

    func use(_ table: RoutingTable) {
        self.table = table
        resting.removeAll(keepingCapacity: true)
    }

    func forgetKey(digest: String) { keys.forget(digest: digest) }

    // MARK: RequestServices

    func makeContext() -> WalkContext {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let wallMs = Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
        let id = RequestID(milliseconds: wallMs, random: (random.next(), random.next()))
        return WalkContext(
            id: id, owner: owner, table: table, settings: settings.walk, wallMs: wallMs, randomSeed: random.next(),
            digests: { [digester] in digester.digests(of: $0) },
            isResting: { [resting] name in resting[name].map { $0 > .now() } ?? false })
    }

    func lookUpKey(digests: [String], fresh: Bool, reply: @escaping (KeyLookup) -> Void) {
        keys.lookUp(digests, fresh: fresh, reply: reply)
    }

    func peek(_ call: LimiterCall, reply: @escaping (PeekVerdict) -> Void) { limiter.peek(call, reply: reply) }

    func admit(_ request: AdmitRequest, reply: @escaping (AdmitAnswer) -> Void) {
        guard !settles.isFull else { return reply(.unavailable) }
        limiter.admit(request, reply: reply)
    }

    func settle(_ request: SettleRequest) { settles.settle(request) }
    func reportProgress(_ report: ProgressReport) { settles.report(report, owner: owner) }

    func rest(deployment: String, forMs: Int64) { resting[deployment] = .now() + .milliseconds(forMs) }

    func startAttempt(_ request: UpstreamRequest, deliver: @escaping (WalkEvent) -> Void) -> any UpstreamAttempt {
        metrics.add("aihub_worker_attempts_total")
        let call = UpstreamCall(
            url: request.url, headers: request.headers, bearer: request.bearer, body: request.body,
            allowedNetworks: request.allowedNetworks, connectMs: settings.connectMs, totalMs: Int(request.totalMs))
        let number = request.attempt
        let id = driver.start(call) { event in
            switch event {
            case .head(let status, let contentType, let retryAfterMs):
                deliver(
                    .attemptHead(attempt: number, status: status, contentType: contentType, retryAfterMs: retryAfterMs))
            case .bytes(let bytes): deliver(.attemptBytes(attempt: number, bytes))
            case .ended: deliver(.attemptEnded(attempt: number))
            case .notSent(let reason): deliver(.attemptFailed(attempt: number, .notSent(reason)))
            case .broke(let reason): deliver(.attemptFailed(attempt: number, .ambiguous(reason)))
            }
        }
        return DriverAttempt(driver: driver, id: id)
    }

    func finished(_ report: WalkReport) {
        metrics.add(
            "aihub_worker_requests_total", [("endpoint", report.endpoint), ("status", String(report.status))])
        guard let error = report.error else { return }
        metrics.add("aihub_worker_errors_total", [("type", error.rawValue)])
        log.debug(
            "request failed",
            metadata: [
                "request": "\(report.id)", "type": "\(error.rawValue)", "detail": "\(report.detail)",
                "attempts": "\(report.attempts)",
            ])
    }

    func opened(_ handler: RequestHandler) { handlers[ObjectIdentifier(handler)] = handler }
    func closed(_ handler: RequestHandler) { handlers[ObjectIdentifier(handler)] = nil }

    // MARK: The end

    /// Requests under way, and settles that Redis does not have yet.
    var unfinished: Int { handlers.values.count { $0.isBusy } + settles.waiting }

    func drain() {
        isDraining = true
        for handler in handlers.values { handler.drain() }
    }

    func shutDownRequests() { for handler in handlers.values { handler.shutDown() } }

    func stop() {
        limiter.stop()
        driver.stop()
    }
}

private struct DriverAttempt: UpstreamAttempt {
    let driver: CurlDriver
    let id: TransferID

    func cancel() { driver.cancel(id) }
    func release() { driver.release(id) }
    func pause() { driver.pause(id) }
    func resume() { driver.resume(id) }
}
