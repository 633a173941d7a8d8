internal import GatewayModel
internal import Operations
internal import Reactor
internal import RequestWalk
internal import ResponseCache

/// A loop's access to cached answers: the cache Redis, and single flights with identical requests on this worker.
///
/// All state belongs to the loop except the `FlightBoard`, which all loops share.
final class AnswerCache: @unchecked Sendable {
    private struct Ticket {
        var key: CacheKey
        var ageMsMax: Int64
        /// `nil` once the request knows whether it hit or missed.
        var reply: ((CacheReply) -> Void)?
    }

    private let connection: CacheConnection
    private var secrets: CacheSecrets
    private let flights: FlightBoard
    private let metrics: MetricsRegistry
    /// Kept here because every request touches one, and looking a counter up by name is slow.
    private let results: [CacheUse.Word: MetricsRegistry.Counter]
    private let kept: MetricsRegistry.Counter
    private let shared: MetricsRegistry.Counter
    /// Requests in a flight: at most as many as are running.
    private var tickets: [RequestID: Ticket] = [:]

    init(_ connection: CacheConnection, secrets: CacheSecrets, flights: FlightBoard, metrics: MetricsRegistry) {
        self.connection = connection
        self.secrets = secrets
        self.flights = flights
        self.metrics = metrics
        results = Dictionary(
            uniqueKeysWithValues: [.hit, .miss, .bypass].map { word in
                (word, metrics.counter("aihub_worker_cache_total", [("result", word.rawValue)]))
            })
        kept = metrics.counter("aihub_worker_cache_kept_total")
        shared = metrics.counter("aihub_worker_cache_shared_total")
    }

    func connect() { connection.connect() }
    func use(_ secrets: CacheSecrets) { self.secrets = secrets }
    func stop() { connection.stop() }

    func lookUp(_ lookUp: CacheLookUp, for id: RequestID, reply: @escaping (CacheReply) -> Void) {
        let key = lookUp.key
        tickets[id] = Ticket(key: key, ageMsMax: lookUp.ageMsMax, reply: reply)
        let waiter = FlightBoard.Waiter(reactor: connection.reactor) { [self] in told(id, key, $0) }
        switch flights.join(key, id, waiter) {
        case .leads: ask(id, key)
        case .follows: shared.add()
        case .alone: end(id, .miss)
        case .answered(let answer): told(id, key, .answer(answer))
        }
    }

    private func told(_ id: RequestID, _ key: CacheKey, _ word: FlightBoard.Word) {
        guard let ticket = tickets[id] else {
            // The request ended before this reached its loop. If it was made leader, it passes that on.
            if case .lead = word { flights.left(key, id, passesOn: true) }
            return
        }
        switch word {
        case .answer(let answer):
            let isFresh = answer.isFresh(at: LoopServices.wallMs(), ageMsMax: ticket.ageMsMax)
            end(id, isFresh ? .hit(answer) : .miss)
        case .alone: end(id, .miss)
        case .unavailable: end(id, .unavailable)
        case .lead: ask(id, key)
        }
    }

    /// Asks the cache Redis on behalf of a flight's leader.
    private func ask(_ id: RequestID, _ key: CacheKey) {
        connection.get(key) { [self] found in
            guard let ticket = tickets[id] else { return }
            switch found {
            case .unavailable:
                flights.bypassed(key, by: id)
                end(id, .unavailable)
            case .nothing: lead(id)
            case .value(let sealed):
                guard let answer = secrets.open(sealed, for: key) else {
                    metrics.add("aihub_worker_cache_errors_total", [("reason", "unreadable")])
                    return lead(id)
                }
                guard answer.isFresh(at: LoopServices.wallMs(), ageMsMax: ticket.ageMsMax) else { return lead(id) }
                flights.answered(key, by: id, answer)
                flights.landed(key, by: id)
                end(id, .hit(answer))
            }
        }
    }

    /// A miss: the leader asks a provider, and its flight stays open until it has the answer.
    private func lead(_ id: RequestID) {
        let reply = tickets[id]?.reply
        tickets[id]?.reply = nil
        reply?(.miss)
    }

    /// Replies, and drops the request's ticket.
    private func end(_ id: RequestID, _ reply: CacheReply) { tickets.removeValue(forKey: id)?.reply?(reply) }

    func keep(_ answer: CachedAnswer, as key: CacheKey, from id: RequestID) {
        tickets[id] = nil
        flights.answered(key, by: id, answer)
        guard let sealed = secrets.seal(answer, for: key) else { return flights.landed(key, by: id) }
        connection.set(key, to: sealed, lifetimeMs: answer.lifetimeMs) { [self] isKept in
            if isKept { kept.add() }
            flights.landed(key, by: id)
        }
    }

    func finished(_ report: WalkReport, _ word: CacheUse.Word) {
        if report.attempts > 0 || word == .hit { results[word]?.add() }
        guard let ticket = tickets.removeValue(forKey: report.id) else { return }
        flights.left(ticket.key, report.id, passesOn: report.attempts == 0 || report.outcome == .cancelled)
    }
}
