package import Redis
internal import StateRedisAccess

/// How far the state Redis's clock is from PostgreSQL's.
///
/// Redis's clock ends a day's budget, PostgreSQL's sets the ledger's day. If they are far apart, one of them starts a
/// new period too early.
package struct ClockSkew {
    /// Beyond this the two may disagree on the day, so such a Redis is neither rebuilt nor opened.
    package static let skewMsMax: Int64 = 300_000

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

    /// - Returns: `nil` when Redis's reply is malformed.
    static func measure(_ redis: StateRedis, _ ledger: any RebuildLedger) async throws -> ClockSkew? {
        let ledgerMs = try await ledger.clockMs()
        return ClockSkew(time: try await redis.client.call("TIME"), ledgerMs: ledgerMs)
    }

    /// More than `skewMsMax`, either way.
    package var isExcessive: Bool { abs(aheadMs) > Self.skewMsMax }
}

/// The error that keeps a Redis with the wrong time closed.
package struct ClockSkewError: Error, CustomStringConvertible {
    package let aheadMs: Int64
    package var description: String {
        "the clock of the state Redis is \(aheadMs / 1_000) s ahead of PostgreSQL's: synchronise both by NTP, or a day's budget starts at the wrong time"
    }
}
