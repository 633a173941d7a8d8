/// When streams send their next chunk. Streams of one gap come due in the order they were added: a queue per gap.
struct Timers {
    struct Due {
        var at: Int64
        var socket: Int32
        var generation: Int
    }

    private struct Queue {
        var gap: Int64
        var entries: [Due] = []
        var first = 0
    }

    private var queues: [Queue] = []

    mutating func add(_ due: Due, gap: Int64) {
        if let at = queues.firstIndex(where: { $0.gap == gap }) {
            queues[at].entries.append(due)
        } else {
            queues.append(Queue(gap: gap, entries: [due]))
        }
    }

    /// When the next one comes due.
    var next: Int64? {
        queues.lazy.filter { $0.first < $0.entries.count }.map { $0.entries[$0.first].at }.min()
    }

    /// Takes out one that is due.
    mutating func take(at now: Int64) -> Due? {
        for at in queues.indices where queues[at].first < queues[at].entries.count {
            let due = queues[at].entries[queues[at].first]
            guard due.at <= now else { continue }
            queues[at].first += 1
            if queues[at].first == queues[at].entries.count || queues[at].first > 65_536 {
                queues[at].entries.removeFirst(queues[at].first)
                queues[at].first = 0
            }
            return due
        }
        return nil
    }
}
