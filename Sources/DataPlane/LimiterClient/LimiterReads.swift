package import Admission
internal import PlaneContract
internal import Redis

/// What requests read from the limiter, each in its turn at the gate: a caller's counters, and a request by its ID.
package final class LimiterReads {
    /// Callers whose counters are remembered; at this bound all are dropped.
    package static let lastUseMax = 10_000

    private let limiter: LimiterConnection
    private let gate: LimiterGate
    /// Last known counters by key, for `GET /v1/me` while Redis is unreachable.
    private var lastUse: [String: KeyUse] = [:]

    /// Reads over a loop's connection, in turn with its other calls.
    package init(_ limiter: LimiterConnection, _ gate: LimiterGate) {
        self.limiter = limiter
        self.gate = gate
    }

    /// Reads the caller's counters; replies with the last known ones when the limiter cannot be asked.
    package func peek(_ caller: Caller, reply: @escaping (PeekVerdict) -> Void) {
        let keyID = caller.record.keyID
        let lastKnown = { [self] in lastUse[keyID].map { PeekVerdict.lastKnown($0) } ?? .unavailable }
        gate.call(for: keyID) { [self] answered in
            limiter.peek(caller, answered: answered) { [self] verdict in
                switch verdict {
                case .use(let use):
                    if lastUse.count >= Self.lastUseMax { lastUse.removeAll(keepingCapacity: true) }
                    lastUse[keyID] = use
                    reply(verdict)
                case .unavailable: reply(lastKnown())
                case .stale, .lastKnown: reply(verdict)
                }
            }
        } refuse: { _ in
            reply(lastKnown())
        }
    }

    /// Looks up a request of the caller's org.
    package func findRequest(_ id: String, of caller: Caller, reply: @escaping (RequestLookup) -> Void) {
        gate.call(for: caller.record.keyID) { [self] answered in
            limiter.call({ RequestLookup.write(id, of: caller, into: &$0) }) { [self] result in
                answered(limiter.tookUs(result))
                guard case .success(let value) = result, let items = value.array else { return reply(.unavailable) }
                reply(RequestLookup(reply: items.map { $0.string ?? "" }, for: caller.record))
            }
        } refuse: { _ in
            reply(.unavailable)
        }
    }
}
