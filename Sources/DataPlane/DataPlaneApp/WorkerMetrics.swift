internal import Operations

/// The worker's metrics. Names and labels are closed lists.
enum WorkerMetrics {
    private static let counters = [
        ("aihub_worker_requests_total", "Requests ended, by endpoint and HTTP status (0: the caller left first)."),
        ("aihub_worker_errors_total", "Requests that ended with an error, by its type."),
        ("aihub_worker_attempts_total", "Calls sent to providers."),
        (
            "aihub_worker_models_misnamed_total",
            "Requests answered by a model of another name than the deployment is declared to serve."
        ),
        (
            "aihub_worker_key_lookups_refused_total",
            "Keys that were not looked up, because their address had sent too many bad ones."
        ),
        (
            "aihub_worker_shed_total",
            "Requests refused because more waited than could be served in time: 429 to keys over their share, 503 to others."
        ),
        ("aihub_worker_settle_retries_total", "Settles that had to be sent again."),
        (
            "aihub_worker_requests_adopted_total",
            "Requests of dead workers taken over from their journals on this disk."
        ),
        ("aihub_worker_holds_reaped_total", "Holds of silent workers closed by this one."),
        ("aihub_worker_tls_certificates_refused_total", "New certificates that could not be used; the old one stayed."),
        ("aihub_worker_admitted_locally_total", "Requests let in under a local share while Redis could not be asked."),
        ("aihub_worker_cache_total", "Requests for an answer, by what the cache was to them: hit, miss, bypass."),
        ("aihub_worker_cache_shared_total", "Requests that waited for the answer to an identical one."),
        ("aihub_worker_cache_kept_total", "Answers kept in the cache Redis."),
        (
            "aihub_worker_cache_errors_total",
            "Calls of the cache Redis that failed, by reason: late, refused, away, unreadable."
        ),
        (
            "aihub_worker_connections_refused_total",
            "Connections closed because there was no room, by the bound they met: worker, address."
        ),
        (
            "aihub_worker_slow_turns_total",
            "Turns of an event loop longer than 100 ms, by what it was busy with: everybody else waited."
        ),
        (
            "aihub_worker_memory_short_total",
            "Times the process came over its share of memory, so that new requests and arriving bodies were refused."
        ),
        ("aihub_worker_snapshots_refused_total", "Snapshots that could not be read."),
    ]

    static func describe(in metrics: MetricsRegistry) {
        for (name, help) in counters { metrics.describe(name, kind: "counter", help: help) }
        metrics.describe(
            "aihub_worker_tls_certificate_expires", kind: "gauge",
            help: "When the certificate in use expires, in seconds since 1970.")
        metrics.describe(
            "aihub_worker_journal_degraded", kind: "gauge",
            help: "1 while an event loop's journal has no room on disk: what is owed is remembered in memory only.")
        metrics.describe(
            "aihub_worker_memory_bytes", kind: "gauge", help: "Memory of the process, pages of files left out.")
        metrics.describe(
            "aihub_worker_body_bytes", kind: "gauge",
            help: "Bytes of request bodies held: arriving, waiting to be admitted, or of running requests.")
        metrics.describe("aihub_worker_config_version", kind: "gauge", help: "The configuration in force.")
    }
}

/// Counters every request touches, cached so that they are not looked up by name.
struct RequestCounters {
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
