internal import Synchronization

/// What an event loop and the worker's background tell each other: whether signs of life get through, and whether the loop
/// lets requests in without asking Redis.
final class LoopPulse: Sendable {
    /// The loop's name in holds and heartbeats.
    let owner: String
    private let heardMs = Atomic<Int64>(0)
    private let owners = Atomic<Int>(1)
    private let localMs = Atomic<Int64>(.min / 2)
    private let stalled = Atomic(false)

    init(owner: String) { self.owner = owner }

    /// A heartbeat was written, at this monotonic time, beside those of so many other loops.
    func heard(atMs: Int64, owners count: Int) {
        heardMs.store(atMs, ordering: .relaxed)
        owners.store(max(1, count), ordering: .relaxed)
    }

    /// The monotonic time of the last heartbeat that got through.
    var lastHeardMs: Int64 { heardMs.load(ordering: .relaxed) }
    /// Loops that share the limits, over all workers.
    var ownersAlive: Int { owners.load(ordering: .relaxed) }

    /// Whether the loop has stopped turning: it lives no more, and says so by sending no sign of life.
    var isStalled: Bool { stalled.load(ordering: .relaxed) }
    func stalls(_ value: Bool) { stalled.store(value, ordering: .relaxed) }

    /// The loop has let a request in without asking Redis.
    func letIn(atMs: Int64) { localMs.store(atMs, ordering: .relaxed) }

    /// Whether it did so within `withinMs`.
    func isCut(atMs now: Int64, withinMs: Int64) -> Bool { now - localMs.load(ordering: .relaxed) < withinMs }
}
