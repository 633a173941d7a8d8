package import GatewayModel
package import Reactor
package import ResponseCache
internal import Synchronization

/// Single flight: of identical requests at the same time on this worker, one leads and the others follow.
///
/// Followers get the leader's answer. Shared by all loops; each follower is notified on its own loop.
package final class SingleFlight: Sendable {
    /// Flights at once. Beyond that, requests go alone.
    package static let flightsMax = 16_384

    /// What a follower learns of its flight.
    package enum Outcome: Sendable {
        case answer(CachedResponse)
        /// The leader has no answer to share: proceed alone.
        case independent
        /// The cache is unavailable: proceed alone, without it.
        case unavailable
        /// The leader left before it asked a provider: become the leader.
        case promoted
    }

    /// What a request is in its flight when it joins.
    package enum Role: Sendable {
        case leader, follower, independent
        case answered(CachedResponse)
    }

    /// How a follower is notified.
    package struct Waiter: Sendable {
        let reactor: Reactor
        let deliver: @Sendable (Outcome) -> Void

        /// - Parameters:
        ///   - reactor: where `deliver` runs.
        ///   - deliver: runs at most once.
        package init(reactor: Reactor, deliver: @escaping @Sendable (Outcome) -> Void) {
            self.reactor = reactor
            self.deliver = deliver
        }

        func notify(_ outcome: Outcome) { reactor.execute { deliver(outcome) } }
    }

    private struct Flight: Sendable {
        var leader: RequestID
        var waiters: [RequestID: Waiter] = [:]
        /// The answer until the cache Redis has it: a request that joins in between would not find it there yet.
        var answer: CachedResponse?
    }

    /// Without flights.
    package init() {}

    private let flights = Mutex<[CacheKey: Flight]>([:])

    /// Joins the flight of a key, or starts one. A follower's waiter is notified when it ends.
    package func join(_ key: CacheKey, _ id: RequestID, _ waiter: Waiter) -> Role {
        flights.withLock { flights in
            if let answer = flights[key]?.answer { return .answered(answer) }
            if flights[key] != nil {
                flights[key]?.waiters[id] = waiter
                return .follower
            }
            guard flights.count < Self.flightsMax else { return .independent }
            flights[key] = Flight(leader: id)
            return .leader
        }
    }

    /// The leader has the answer: all followers get it.
    package func answered(_ key: CacheKey, by id: RequestID, _ answer: CachedResponse) {
        let waiters = flights.withLock { flights -> [Waiter] in
            guard let flight = flights[key], flight.leader == id else { return [] }
            flights[key]?.waiters = [:]
            flights[key]?.answer = answer
            return Array(flight.waiters.values)
        }
        for waiter in waiters { waiter.notify(.answer(answer)) }
    }

    /// Ends the flight: the cache Redis has the answer, or never will.
    package func close(_ key: CacheKey, by id: RequestID) {
        flights.withLock { flights in if flights[key]?.leader == id { flights[key] = nil } }
    }

    /// Ends the flight because the leader cannot reach the cache.
    package func bypassed(_ key: CacheKey, by id: RequestID) { end(key, by: id, .unavailable) }

    /// Removes a request that has ended, leader or follower.
    ///
    /// - Parameter handsOver: makes a follower the leader. True when the leader never asked a provider or its client
    ///   left; otherwise the followers proceed alone, because whatever failed for the leader would fail for the next
    ///   one too.
    package func leave(_ key: CacheKey, _ id: RequestID, handsOver: Bool) {
        let next = flights.withLock { flights -> Waiter? in
            guard let flight = flights[key] else { return nil }
            guard flight.leader == id else {
                flights[key]?.waiters[id] = nil
                return nil
            }
            guard handsOver, let (successor, waiter) = flight.waiters.first else { return nil }
            flights[key]?.leader = successor
            flights[key]?.waiters[successor] = nil
            return waiter
        }
        if let next { next.notify(.promoted) } else { end(key, by: id, .independent) }
    }

    private func end(_ key: CacheKey, by id: RequestID, _ outcome: Outcome) {
        let waiters = flights.withLock { flights -> [Waiter] in
            guard let flight = flights[key], flight.leader == id else { return [] }
            flights[key] = nil
            return Array(flight.waiters.values)
        }
        for waiter in waiters { waiter.notify(outcome) }
    }
}
