internal import Synchronization

/// State shared by an event loop and the worker's background tasks: whether heartbeats get through, and whether the
/// loop admits requests without asking Redis.
final class LoopStatus: Sendable {
    /// The loop's name in holds and heartbeats.
    let loopID: String
    private let heardMs = Atomic<Int64>(0)
    private let loops = Atomic<Int>(1)
    private let localMs = Atomic<Int64>(.min / 2)
    private let stalled = Atomic(false)

    init(loopID: String) { self.loopID = loopID }

    /// A heartbeat was written at this monotonic time; `loops` counts the loops with one, this worker's included.
    func recordHeartbeat(atMs: Int64, loops count: Int) {
        heardMs.store(atMs, ordering: .relaxed)
        loops.store(max(1, count), ordering: .relaxed)
    }

    /// The monotonic time of the last heartbeat that got through.
    var lastHeartbeatMs: Int64 { heardMs.load(ordering: .relaxed) }
    /// Loops of all workers, among which limits are divided.
    var liveLoops: Int { loops.load(ordering: .relaxed) }

    /// Whether the loop has stopped turning. No heartbeats are sent for it then.
    var isStalled: Bool { stalled.load(ordering: .relaxed) }
    func setStalled(_ value: Bool) { stalled.store(value, ordering: .relaxed) }

    /// The loop has admitted a request without asking Redis.
    func admittedLocally(atMs: Int64) { localMs.store(atMs, ordering: .relaxed) }

    /// Whether the loop did so within the last `withinMs`.
    func isAdmittingLocally(atMs now: Int64, withinMs: Int64) -> Bool {
        now - localMs.load(ordering: .relaxed) < withinMs
    }
}
