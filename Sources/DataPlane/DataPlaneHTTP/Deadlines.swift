internal import RequestWalk

/// The deadlines of a connection: the timers of its walk, and its own.
enum Deadline {
    static let head = WalkTimer.allCases.count
    static let body = head + 1
    static let writeStall = head + 2
    static let linger = head + 3
    static let rest = head + 4
    static let count = head + 5
}

/// The pending deadlines of one connection.
///
/// Setting one is just a store: the reactor is asked to wake only if the new deadline is earlier than the pending wake.
/// A wake that comes too early asks for the next one.
struct Deadlines {
    private var times = [Int64](repeating: .max, count: Deadline.count)
    /// The time of the pending wake.
    private var wakeMs = Int64.max

    /// - Returns: whether the reactor has to be asked to wake at `atMs`.
    mutating func set(_ which: Int, atMs: Int64) -> Bool {
        times[which] = atMs
        guard atMs < wakeMs else { return false }
        wakeMs = atMs
        return true
    }

    mutating func cancel(_ which: Int) { times[which] = .max }

    func isSet(_ which: Int) -> Bool { times[which] != .max }

    /// Removes and returns a deadline that is due; `nil` if there is none.
    mutating func popDue(_ nowMs: Int64) -> Int? {
        guard let due = times.firstIndex(where: { $0 <= nowMs }) else { return nil }
        times[due] = .max
        return due
    }

    /// The time to wake next, once all due deadlines were taken; `nil` if a wake at or before it is pending.
    mutating func nextWake(_ nowMs: Int64) -> Int64? {
        if wakeMs <= nowMs { wakeMs = .max }
        let next = times.min() ?? .max
        guard next < wakeMs else { return nil }
        wakeMs = next
        return next
    }
}
