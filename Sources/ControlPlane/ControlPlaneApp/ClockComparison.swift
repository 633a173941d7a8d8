internal import AdminStore
package import Redis

/// How far the state Redis's clock is from PostgreSQL's.
///
/// Redis's clock ends a day's budget, PostgreSQL's sets the ledger's day. If they are far apart, one of them starts a
/// new period too early.
package struct ClockComparison {
    /// Beyond this the two may disagree on the day, so such a Redis is neither rebuilt nor opened.
    package static let apartMsMax: Int64 = 300_000

    /// Positive: Redis is ahead.
    package let aheadMs: Int64

    /// - Parameters:
    ///   - time: a reply to `TIME`: seconds and microseconds.
    ///   - ledgerMs: PostgreSQL's time, read just before; the round trips are part of the difference.
    /// - Returns: `nil` when the reply is malformed.
    package init?(time: RESPValue, ledgerMs: Int64) {
        guard let parts = time.array, parts.count == 2, let seconds = parts[0].string.flatMap({ Int64($0) }),
            let micros = parts[1].string.flatMap({ Int64($0) })
        else { return nil }
        aheadMs = seconds * 1_000 + micros / 1_000 - ledgerMs
    }

    static func now(_ redis: StateRedis, _ store: PublicationStore) async throws -> ClockComparison? {
        let ledgerMs = try await store.clockMs()
        return ClockComparison(time: try await redis.client.call("TIME"), ledgerMs: ledgerMs)
    }

    package var isApart: Bool { abs(aheadMs) > Self.apartMsMax }
}

/// The error that keeps a Redis with the wrong time closed.
struct ClocksApart: Error, CustomStringConvertible {
    let aheadMs: Int64
    var description: String {
        "the clock of the state Redis is \(aheadMs / 1_000) s ahead of PostgreSQL's: set both by NTP, or budgets of another day are counted"
    }
}
