internal import GatewayModel
internal import Reactor
internal import ResponseCache
internal import Synchronization

/// Single flight: of identical requests at the same time on this worker, one leads and the others follow.
///
/// Followers get the leader's answer. Shared by all loops; each follower is notified on its own loop.
final class FlightBoard: Sendable {
    /// Flights at once. Beyond that, requests go alone.
    static let flightsMax = 16_384

    /// The outcome a follower gets.
    enum Word: Sendable {
        case answer(CachedAnswer)
        /// The leader has no answer to share: proceed alone.
        case alone
        /// The cache is unavailable: proceed alone, without it.
        case unavailable
        /// The leader left before it asked a provider: become the leader.
        case lead
    }

    enum Place: Sendable {
        case leads, follows, alone
        case answered(CachedAnswer)
    }

    struct Waiter: Sendable {
        let reactor: Reactor
        let tell: @Sendable (Word) -> Void

        func told(_ word: Word) { reactor.execute { tell(word) } }
    }

    private struct Flight: Sendable {
        var leader: RequestID
        var waiters: [RequestID: Waiter] = [:]
        /// The answer until the cache Redis has it: a request that joins in between would not find it there yet.
        var answer: CachedAnswer?
    }

    private let flights = Mutex<[CacheKey: Flight]>([:])

    func join(_ key: CacheKey, _ id: RequestID, _ waiter: Waiter) -> Place {
        flights.withLock { flights in
            if let answer = flights[key]?.answer { return .answered(answer) }
            if flights[key] != nil {
                flights[key]?.waiters[id] = waiter
                return .follows
            }
            guard flights.count < Self.flightsMax else { return .alone }
            flights[key] = Flight(leader: id)
            return .leads
        }
    }

    /// The leader has the answer: all followers get it.
    func answered(_ key: CacheKey, by id: RequestID, _ answer: CachedAnswer) {
        let waiters = flights.withLock { flights -> [Waiter] in
            guard let flight = flights[key], flight.leader == id else { return [] }
            flights[key]?.waiters = [:]
            flights[key]?.answer = answer
            return Array(flight.waiters.values)
        }
        for waiter in waiters { waiter.told(.answer(answer)) }
    }

    /// Ends the flight: the cache Redis has the answer, or never will.
    func landed(_ key: CacheKey, by id: RequestID) {
        flights.withLock { flights in if flights[key]?.leader == id { flights[key] = nil } }
    }

    /// Ends the flight because the leader cannot reach the cache.
    func bypassed(_ key: CacheKey, by id: RequestID) { end(key, by: id, .unavailable) }

    /// Removes a request that has ended, leader or follower.
    ///
    /// - Parameter passesOn: makes a follower the leader. True when the leader never asked a provider or its client
    ///   left; otherwise the followers proceed alone, because whatever failed for the leader would fail for the next
    ///   one too.
    func left(_ key: CacheKey, _ id: RequestID, passesOn: Bool) {
        let next = flights.withLock { flights -> Waiter? in
            guard let flight = flights[key] else { return nil }
            guard flight.leader == id else {
                flights[key]?.waiters[id] = nil
                return nil
            }
            guard passesOn, let (successor, waiter) = flight.waiters.first else { return nil }
            flights[key]?.leader = successor
            flights[key]?.waiters[successor] = nil
            return waiter
        }
        if let next { next.told(.lead) } else { end(key, by: id, .alone) }
    }

    private func end(_ key: CacheKey, by id: RequestID, _ word: Word) {
        let waiters = flights.withLock { flights -> [Waiter] in
            guard let flight = flights[key], flight.leader == id else { return [] }
            flights[key] = nil
            return Array(flight.waiters.values)
        }
        for waiter in waiters { waiter.told(word) }
    }
}
