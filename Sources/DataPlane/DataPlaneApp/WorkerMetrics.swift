internal import Operations

/// The worker's metrics. Names and labels are closed lists.
enum WorkerMetrics {
    private static let counters = [
        (
            "aihub_worker_requests_total",
            "Requests ended, by endpoint and HTTP status (0: the client disconnected first)."
        ),
        ("aihub_worker_errors_total", "Requests that ended with an error, by its type."),
        ("aihub_worker_attempts_total", "Calls sent to providers."),
        (
            "aihub_worker_models_misnamed_total",
            "Requests answered by a model of another name than the deployment is declared to serve."
        ),
        (
            "aihub_worker_key_lookups_refused_total",
            "Keys not looked up because their address had sent too many invalid ones."
        ),
        (
            "aihub_worker_shed_total",
            "Requests refused because too many were waiting: 429 for keys over their share, 503 for others."
        ),
        ("aihub_worker_settle_retries_total", "Settles that were sent again."),
        (
            "aihub_worker_requests_adopted_total",
            "Requests of dead workers adopted from their journals on this disk."
        ),
        ("aihub_worker_holds_reaped_total", "Holds of dead workers reaped by this worker."),
        ("aihub_worker_tls_certificates_refused_total", "New certificates rejected; the old one stayed in use."),
        ("aihub_worker_admitted_locally_total", "Requests admitted locally while Redis was unreachable."),
        ("aihub_worker_cache_total", "Requests by cache result: hit, miss, bypass."),
        ("aihub_worker_cache_shared_total", "Requests that waited for the response to an identical one."),
        ("aihub_worker_cache_kept_total", "Responses stored in the cache Redis."),
        (
            "aihub_worker_cache_errors_total",
            "Failed calls to the cache Redis, by reason: late, refused, away, unreadable."
        ),
        (
            "aihub_worker_connections_refused_total",
            "Connections refused, by the limit that was reached: worker, address."
        ),
        (
            "aihub_worker_slow_turns_total",
            "Event loop turns longer than 100 ms, by stage. All other requests of the loop wait meanwhile."
        ),
        (
            "aihub_worker_memory_short_total",
            "Times the process exceeded its memory budget and refused new requests and arriving bodies."
        ),
        ("aihub_worker_snapshots_refused_total", "Snapshots that could not be read or decrypted."),
    ]

    static func describe(in metrics: MetricsRegistry) {
        for (name, help) in counters { metrics.describe(name, kind: "counter", help: help) }
        metrics.describe(
            "aihub_worker_tls_certificate_expires", kind: "gauge",
            help: "When the certificate in use expires, in seconds since 1970.")
        metrics.describe(
            "aihub_worker_journal_degraded", kind: "gauge",
            help: "1 while an event loop's journal has no room on disk: unsettled requests are in memory only.")
        metrics.describe(
            "aihub_worker_memory_bytes", kind: "gauge",
            help: "Resident memory of the process without file-backed pages.")
        metrics.describe(
            "aihub_worker_body_bytes", kind: "gauge",
            help: "Bytes of request bodies in memory: arriving, waiting for admission, or of running requests.")
        metrics.describe("aihub_worker_config_version", kind: "gauge", help: "Version of the configuration in force.")
    }
}
