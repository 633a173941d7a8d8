internal import Synchronization

/// State shared by an event loop and the worker's background tasks: whether heartbeats get through, and whether the
/// loop admits requests without asking Redis.
final class LoopPulse: Sendable {
    /// The loop's name in holds and heartbeats.
    let owner: String
    private let heardMs = Atomic<Int64>(0)
    private let owners = Atomic<Int>(1)
    private let localMs = Atomic<Int64>(.min / 2)
    private let stalled = Atomic(false)

    init(owner: String) { self.owner = owner }

    /// A heartbeat was written at this monotonic time; `owners` counts the loops with one, this worker's included.
    func heard(atMs: Int64, owners count: Int) {
        heardMs.store(atMs, ordering: .relaxed)
        owners.store(max(1, count), ordering: .relaxed)
    }

    /// The monotonic time of the last heartbeat that got through.
    var lastHeardMs: Int64 { heardMs.load(ordering: .relaxed) }
    /// Loops of all workers, among which limits are divided.
    var ownersAlive: Int { owners.load(ordering: .relaxed) }

    /// Whether the loop has stopped turning. No heartbeats are sent for it then.
    var isStalled: Bool { stalled.load(ordering: .relaxed) }
    func stalls(_ value: Bool) { stalled.store(value, ordering: .relaxed) }

    /// The loop has admitted a request without asking Redis.
    func letIn(atMs: Int64) { localMs.store(atMs, ordering: .relaxed) }

    /// Whether the loop did so within the last `withinMs`.
    func isCut(atMs now: Int64, withinMs: Int64) -> Bool { now - localMs.load(ordering: .relaxed) < withinMs }
}
