/// Times that workers and control planes must agree on, in milliseconds.
package enum PlaneTiming {
    /// Between two heartbeats of a worker, unless it is set otherwise.
    package static let heartbeatMsDefault = 5_000
    /// A worker heard from within this time is connected: one and a half default heartbeats.
    package static let connectedMs = Int64(heartbeatMsDefault) * 3 / 2
    /// The longest that a worker which cannot reach Redis may admit requests after its last heartbeat.
    package static let cutOffMax = 10_000
    /// A worker silent for this long admits nothing any more: 2 s are for a reply in flight.
    package static let stoppedMs = Int64(cutOffMax) + 2_000

    /// How long a rebuild and a reopening wait for workers that do not report what they know.
    package static let replayTimeoutMs: Int64 = 3_000
    /// How long Redis remembers that a request is closed: a late or repeated settle within that time changes nothing.
    package static let tombstoneMs: Int64 = 900_000
}
