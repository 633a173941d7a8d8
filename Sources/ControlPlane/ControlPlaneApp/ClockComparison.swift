internal import AdminStore
package import Redis

/// How far the state Redis's clock is from PostgreSQL's. Redis's says when a day's budget is over, PostgreSQL's what the ledger calls
/// today: where they are far apart, one of them begins a period for everybody too early.
package struct ClockComparison {
    /// Further apart than this they do not mean the same day: nothing is put back and opened by such a Redis.
    package static let apartMsMax: Int64 = 300_000

    /// Positive: Redis is ahead.
    package let aheadMs: Int64

    /// - Parameters:
    ///   - time: a reply to `TIME`: seconds, microseconds.
    ///   - ledgerMs: PostgreSQL's, asked for just now; the time on the way is part of the difference.
    /// - Returns: `nil` when the reply is no time.
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

/// Why a Redis is not opened.
struct ClocksApart: Error, CustomStringConvertible {
    let aheadMs: Int64
    var description: String {
        "the clock of the state Redis is \(aheadMs / 1_000) s ahead of PostgreSQL's: set both by NTP, or budgets of another day are counted"
    }
}
