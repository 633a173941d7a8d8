internal import GatewayModel
internal import Logging
internal import Operations
internal import RequestWalk

/// Counts and logs the ended requests of a loop.
struct RequestReports {
    private let metrics: MetricsRegistry
    private let log: Logger
    private var counters: RequestCounters
    private var hints = OperatorHints()

    init(_ metrics: MetricsRegistry, _ log: Logger) {
        self.metrics = metrics
        self.log = log
        counters = RequestCounters(metrics)
    }

    /// A request is sent to a provider.
    func attempted() { counters.attempts.add() }

    mutating func finished(_ report: WalkReport, atMs now: Int64) {
        counters.request(report.endpoint, report.status).add()
        if report.isMisnamed { metrics.add("aihub_worker_models_misnamed_total") }
        guard let error = report.error else { return }
        metrics.add("aihub_worker_errors_total", [("type", error.rawValue)])
        if let hint = hints.hint(in: report, atMs: now) {
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
}

/// Counters every request touches, cached so that they are not looked up by name.
private struct RequestCounters {
    private struct Name: Hashable {
        var endpoint: String
        var status: Int
    }

    let attempts: MetricsRegistry.Counter
    private let metrics: MetricsRegistry
    private var requests: [Name: MetricsRegistry.Counter] = [:]

    init(_ metrics: MetricsRegistry) {
        self.metrics = metrics
        attempts = metrics.counter("aihub_worker_attempts_total")
    }

    mutating func request(_ endpoint: String, _ status: Int) -> MetricsRegistry.Counter {
        let name = Name(endpoint: endpoint, status: status)
        if let known = requests[name] { return known }
        let made = metrics.counter(
            "aihub_worker_requests_total", [("endpoint", endpoint), ("status", String(status))])
        requests[name] = made
        return made
    }
}
