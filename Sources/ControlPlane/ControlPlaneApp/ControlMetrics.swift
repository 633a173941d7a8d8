internal import Operations

/// The metrics of the control plane, with their help texts.
enum ControlMetrics {
    private static let counters = [
        ("aihub_control_audit_sealed_total", "Rows of the audit log that were sealed here."),
        ("aihub_control_changes_published_total", "Changes of configuration carried to Redis."),
        ("aihub_control_events_taken_in_total", "Usage events taken into the ledger."),
        ("aihub_control_events_unreadable_total", "Usage events left out because the ledger cannot take them."),
        (
            "aihub_control_pool_shares_moved_total",
            "Shares of what a plan's orgs may spend together that were made larger."
        ),
        ("aihub_control_changes_forgotten_total", "Changes taken out 30 days after they were published."),
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
                "What the state Redis may use: alarm at 70 %, for behind it every key with a budget is refused. 0: no limit."
        )
        metrics.describe(
            "aihub_control_redis_clock_ahead_seconds", kind: "gauge",
            help: "The state Redis's clock less PostgreSQL's: alarm beyond a minute either way.")
        metrics.describe("aihub_control_snapshot_version", kind: "gauge", help: "The newest snapshot made here.")
    }
}
