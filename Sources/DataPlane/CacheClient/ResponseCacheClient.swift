package import GatewayModel
package import Operations
internal import Reactor
package import RequestWalk
package import ResponseCache

/// A loop's access to cached answers: the cache Redis, and single flights with identical requests on this worker.
///
/// All state belongs to the loop except the `SingleFlight`, which all loops share.
package final class ResponseCacheClient: @unchecked Sendable {
    private struct PendingLookUp {
        var key: CacheKey
        var ageMsMax: Int64
        /// `nil` once the request knows whether it hit or missed.
        var reply: ((CacheReply) -> Void)?
    }

    private let connection: CacheConnection
    private var secrets: CacheSecrets
    private let singleFlight: SingleFlight
    private let metrics: MetricsRegistry
    /// Kept here because every request touches one, and looking a counter up by name is slow.
    private let results: [CacheUse.Word: MetricsRegistry.Counter]
    private let storedCounter: MetricsRegistry.Counter
    private let sharedCounter: MetricsRegistry.Counter
    /// Look-ups of requests in a flight: at most as many as are running.
    private var pendingLookUps: [RequestID: PendingLookUp] = [:]

    /// - Parameter singleFlight: shared by all loops of the worker.
    package init(
        _ connection: CacheConnection, secrets: CacheSecrets, singleFlight: SingleFlight, metrics: MetricsRegistry
    ) {
        self.connection = connection
        self.secrets = secrets
        self.singleFlight = singleFlight
        self.metrics = metrics
        results = Dictionary(
            uniqueKeysWithValues: [.hit, .miss, .bypass].map { word in
                (word, metrics.counter("aihub_worker_cache_total", [("result", word.rawValue)]))
            })
        storedCounter = metrics.counter("aihub_worker_cache_kept_total")
        sharedCounter = metrics.counter("aihub_worker_cache_shared_total")
    }

    /// Connects to the cache Redis.
    package func connect() { connection.connect() }
    /// Seals and opens answers with these secrets from now on.
    package func use(_ secrets: CacheSecrets) { self.secrets = secrets }
    /// Closes the connection for good.
    package func stop() { connection.stop() }

    /// Replies once, on the loop; for a follower when its flight ends. `finished` must follow.
    package func lookUp(_ lookUp: CacheLookUp, for id: RequestID, reply: @escaping (CacheReply) -> Void) {
        let key = lookUp.key
        pendingLookUps[id] = PendingLookUp(key: key, ageMsMax: lookUp.ageMsMax, reply: reply)
        let waiter = SingleFlight.Waiter(reactor: connection.reactor) { [self] in resolve(id, key, $0) }
        switch singleFlight.join(key, id, waiter) {
        case .leader: ask(id, key)
        case .follower: sharedCounter.add()
        case .independent: end(id, .miss)
        case .answered(let answer): resolve(id, key, .answer(answer))
        }
    }

    private func resolve(_ id: RequestID, _ key: CacheKey, _ outcome: SingleFlight.Outcome) {
        guard let pending = pendingLookUps[id] else {
            // The request ended before this reached its loop. If it was made leader, it passes that on.
            if case .promoted = outcome { singleFlight.leave(key, id, handsOver: true) }
            return
        }
        switch outcome {
        case .answer(let answer):
            let isFresh = answer.isFresh(at: Reactor.wallMs(), ageMsMax: pending.ageMsMax)
            end(id, isFresh ? .hit(answer) : .miss)
        case .independent: end(id, .miss)
        case .unavailable: end(id, .unavailable)
        case .promoted: ask(id, key)
        }
    }

    /// Asks the cache Redis on behalf of a flight's leader.
    private func ask(_ id: RequestID, _ key: CacheKey) {
        connection.get(key) { [self] found in
            guard let pending = pendingLookUps[id] else { return }
            switch found {
            case .unavailable:
                singleFlight.bypassed(key, by: id)
                end(id, .unavailable)
            case .nothing: lead(id)
            case .value(let sealed):
                guard let answer = secrets.open(sealed, for: key) else {
                    metrics.add("aihub_worker_cache_errors_total", [("reason", "unreadable")])
                    return lead(id)
                }
                guard answer.isFresh(at: Reactor.wallMs(), ageMsMax: pending.ageMsMax) else { return lead(id) }
                singleFlight.answered(key, by: id, answer)
                singleFlight.close(key, by: id)
                end(id, .hit(answer))
            }
        }
    }

    /// A miss: the leader asks a provider, and its flight stays open until it has the answer.
    private func lead(_ id: RequestID) {
        let reply = pendingLookUps[id]?.reply
        pendingLookUps[id]?.reply = nil
        reply?(.miss)
    }

    /// Replies, and drops the request's pending look-up.
    private func end(_ id: RequestID, _ reply: CacheReply) { pendingLookUps.removeValue(forKey: id)?.reply?(reply) }

    /// Stores a leader's answer, and passes it to the followers.
    package func store(_ answer: CachedResponse, as key: CacheKey, from id: RequestID) {
        pendingLookUps[id] = nil
        singleFlight.answered(key, by: id, answer)
        guard let sealed = secrets.seal(answer, for: key) else { return singleFlight.close(key, by: id) }
        connection.set(key, to: sealed, lifetimeMs: answer.lifetimeMs) { [self] isStored in
            if isStored { storedCounter.add() }
            singleFlight.close(key, by: id)
        }
    }

    /// Counts the result of a request that has ended, and takes the request out of its flight.
    package func finished(_ report: WalkReport, _ word: CacheUse.Word) {
        if report.attempts > 0 || word == .hit { results[word]?.add() }
        guard let pending = pendingLookUps.removeValue(forKey: report.id) else { return }
        singleFlight.leave(pending.key, report.id, handsOver: report.attempts == 0 || report.outcome == .cancelled)
    }
}
