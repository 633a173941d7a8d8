internal import Synchronization

/// State shared by an event loop and the worker's background tasks: whether heartbeats get through, and whether the
/// loop admits requests without asking Redis.
package final class LoopStatus: Sendable {
    /// The loop's name in holds and heartbeats.
    package let loopID: String
    private let heardMs = Atomic<Int64>(0)
    private let loops = Atomic<Int>(1)
    private let localMs = Atomic<Int64>(.min / 2)
    private let stalled = Atomic(false)

    /// Until the first heartbeat, the loop counts as the only one.
    package init(loopID: String) { self.loopID = loopID }

    /// A heartbeat was written at this monotonic time; `loops` counts the loops with one, this worker's included.
    package func recordHeartbeat(atMs: Int64, loops count: Int) {
        heardMs.store(atMs, ordering: .relaxed)
        loops.store(max(1, count), ordering: .relaxed)
    }

    /// The monotonic time of the last heartbeat that got through.
    package var lastHeartbeatMs: Int64 { heardMs.load(ordering: .relaxed) }
    /// Loops of all workers, among which limits are divided.
    package var liveLoops: Int { loops.load(ordering: .relaxed) }

    /// Whether the loop has stopped turning. No heartbeats are sent for it then.
    package var isStalled: Bool { stalled.load(ordering: .relaxed) }
    /// Set by the watchdog alone.
    package func setStalled(_ value: Bool) { stalled.store(value, ordering: .relaxed) }

    /// The loop has admitted a request without asking Redis.
    package func admittedLocally(atMs: Int64) { localMs.store(atMs, ordering: .relaxed) }

    /// Whether the loop did so within the last `withinMs`.
    package func isAdmittingLocally(atMs now: Int64, withinMs: Int64) -> Bool {
        now - localMs.load(ordering: .relaxed) < withinMs
    }
}
