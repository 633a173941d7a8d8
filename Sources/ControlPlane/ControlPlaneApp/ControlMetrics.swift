internal import Operations

/// The metrics of the control plane, with their help texts.
enum ControlMetrics {
    private static let counters = [
        ("aihub_control_audit_sealed_total", "Rows of the audit log sealed by this control plane."),
        ("aihub_control_changes_published_total", "Configuration changes published to Redis."),
        ("aihub_control_events_taken_in_total", "Usage events ingested into the ledger."),
        ("aihub_control_events_unreadable_total", "Usage events that the ledger could not ingest, now dead letters."),
        (
            "aihub_control_pool_shares_moved_total",
            "Shard shares of shared plan budgets that were enlarged."
        ),
        ("aihub_control_changes_forgotten_total", "Changes deleted 30 days after they were published."),
        ("aihub_control_scopes_raised_total", "Counters of orgs and keys that were below the ledger and raised to it."),
        ("aihub_control_shards_rebuilt_total", "Shards whose counters were rebuilt from the ledger."),
    ]

    static func describe(in metrics: MetricsRegistry) {
        for (name, help) in counters { metrics.describe(name, kind: "counter", help: help) }
        metrics.describe(
            "aihub_control_redis_memory_used_bytes", kind: "gauge", help: "Memory the state Redis uses for its data.")
        metrics.describe(
            "aihub_control_redis_memory_max_bytes", kind: "gauge",
            help:
                "Memory the state Redis may use; 0 for no limit. Alert at 70 %: when it is full, every key with a budget is refused."
        )
        metrics.describe(
            "aihub_control_redis_clock_ahead_seconds", kind: "gauge",
            help: "The state Redis's clock minus PostgreSQL's. Alert beyond a minute either way.")
        metrics.describe(
            "aihub_control_snapshot_version", kind: "gauge",
            help: "Version of the newest snapshot this control plane published.")
    }
}
