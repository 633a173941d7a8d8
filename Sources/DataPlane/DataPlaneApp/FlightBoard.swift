internal import GatewayModel
internal import Reactor
internal import ResponseCache
internal import Synchronization

/// Which questions are under way on this worker: of those who ask the same at once, one leads and the others wait for what it
/// gets. Shared by all loops; each is told on its own.
final class FlightBoard: Sendable {
    /// Questions under way. Beyond them everybody asks alone.
    static let flightsMax = 16_384

    /// What somebody who waits is told.
    enum Word: Sendable {
        case answer(CachedAnswer)
        /// The leader has no answer to share: go on alone.
        case alone
        /// The cache cannot be asked: go on alone, without it.
        case unavailable
        /// The leader has left before it asked an engine: ask in its place.
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
        /// The answer, until the cache Redis has it: whoever asks in between would not find it there yet.
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

    /// The leader has the answer: everybody who waits gets it.
    func answered(_ key: CacheKey, by id: RequestID, _ answer: CachedAnswer) {
        let waiters = flights.withLock { flights -> [Waiter] in
            guard let flight = flights[key], flight.leader == id else { return [] }
            flights[key]?.waiters = [:]
            flights[key]?.answer = answer
            return Array(flight.waiters.values)
        }
        for waiter in waiters { waiter.told(.answer(answer)) }
    }

    /// The cache Redis has the answer, or never will.
    func landed(_ key: CacheKey, by id: RequestID) {
        flights.withLock { flights in if flights[key]?.leader == id { flights[key] = nil } }
    }

    /// The leader cannot ask the cache.
    func bypassed(_ key: CacheKey, by id: RequestID) { end(key, by: id, .unavailable) }

    /// Somebody who waited or led has ended.
    ///
    /// - Parameter passesOn: a leader that never asked an engine, or whose caller left, hands on its place; else the others go
    ///   on alone, for what happened to it would happen to the next one, too.
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
