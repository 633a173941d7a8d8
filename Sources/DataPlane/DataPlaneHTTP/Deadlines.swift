internal import RequestWalk

/// What a connection can wait for: the timers of its walk, and its own.
enum Deadline {
    static let head = WalkTimer.allCases.count
    static let body = head + 1
    static let writeStall = head + 2
    static let linger = head + 3
    static let rest = head + 4
    static let count = head + 5
}

/// The deadlines of one connection. Setting one costs a store: the reactor is asked to wake only when the new one is
/// earlier than what it was asked for before, and a wake that comes too early just asks again.
struct Deadlines {
    private var times = [Int64](repeating: .max, count: Deadline.count)
    /// The earliest wake under way.
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

    /// The wake has come: takes a deadline that is over, or `nil` when there is none.
    mutating func takeDue(_ nowMs: Int64) -> Int? {
        guard let due = times.firstIndex(where: { $0 <= nowMs }) else { return nil }
        times[due] = .max
        return due
    }

    /// After all due ones were taken: the next time to be woken at, unless a wake that early is under way.
    mutating func nextWake(_ nowMs: Int64) -> Int64? {
        if wakeMs <= nowMs { wakeMs = .max }
        let next = times.min() ?? .max
        guard next < wakeMs else { return nil }
        wakeMs = next
        return next
    }
}
