internal import Admission
internal import Reactor

/// Shares the start of requests between callers while a loop has more of them than it should begin in one turn.
///
/// Each request passes through several turns of its loop, so a request is slow when turns are long. Without a bound a
/// turn is as long as one caller with many connections makes it. The connections of a caller that do not get their
/// start wait in that caller's line, their bytes in the socket; lines are served round robin, one request each.
///
/// Hooks run in the order they were added: this one comes first, so that what it starts is sent on in the same turn.
package final class RequestStarts: TurnHook {
    /// Large enough that calls to Redis and providers are still sent in batches; a turn of that many requests takes
    /// about a millisecond.
    static let perTurnMax = 4

    private var lines = StartLines<ClientConnection>()
    private var started = 0

    package init() {}

    package var dueMs: Int64 { lines.isEmpty ? .max : 0 }

    package func turnEnds() {
        started = 0
        var tried = 0
        while tried < Self.perTurnMax, let connection = lines.next() {
            guard !connection.isClosed else { continue }
            tried += 1
            connection.startQueued()
        }
    }

    /// - Returns: whether the connection's next request may start now; otherwise `startQueued` is called in a later
    ///   turn.
    func mayStart(_ connection: ClientConnection, of caller: String) -> Bool {
        if lines.isEmpty, started < Self.perTurnMax {
            started += 1
            return true
        }
        lines.append(connection, of: caller)
        return false
    }
}

/// One line per caller, served round robin.
package struct StartLines<Element> {
    private var lines: [String: FirstInFirstOut<Element>] = [:]
    /// Callers whose line is not empty, each listed once.
    private var turns = FirstInFirstOut<String>()

    package init() {}

    package var isEmpty: Bool { turns.isEmpty }

    package mutating func append(_ element: Element, of caller: String) {
        if lines[caller] == nil { turns.append(caller) }
        lines[caller, default: FirstInFirstOut()].append(element)
    }

    package mutating func next() -> Element? {
        guard let caller = turns.popFirst(), let element = lines[caller]?.popFirst() else { return nil }
        if lines[caller]?.isEmpty == true { lines[caller] = nil } else { turns.append(caller) }
        return element
    }
}
