internal import PlaneContract

/// The share of its limits a key may use on this loop while Redis is unreachable.
///
/// Requests and tokens a minute at the limit divided by the live loops, as a leaky bucket (GCRA, ITU-T I.371), and
/// concurrent requests likewise. Budgets and limits of a day or a month are not checked.
package struct LocalLimits {
    /// Scopes remembered. Beyond that the table is cleared, which allows each scope one more burst, and its running
    /// requests are no longer counted.
    package static let keysMax = 50_000
    /// How much of a minute's share may be used at once.
    private static let burstMs: Int64 = 5_000

    private struct Bucket {
        /// When the bucket will be empty, for requests and for tokens.
        var requestsFreeMs: Int64 = 0
        var tokensFreeMs: Int64 = 0
        var running: Int64 = 0
    }

    private var buckets: [String: Bucket] = [:]

    package init() {}

    /// Reserves one request of `tokens` in every scope's share. False, with nothing reserved, when it does not fit.
    package mutating func admit(_ caller: Caller, tokens: Int64, loops: Int, atMs now: Int64) -> Bool {
        if buckets.count > Self.keysMax { buckets.removeAll(keepingCapacity: true) }
        let scopes = Self.scopes(caller)
        var taken: [(String, Bucket)] = []
        for (name, limits) in scopes {
            var bucket = buckets[name] ?? Bucket()
            guard reserve(1, limits.requestsPerMinute, loops, now, &bucket.requestsFreeMs),
                reserve(tokens, limits.tokensPerMinute, loops, now, &bucket.tokensFreeMs),
                limits.concurrentRequests.map({ bucket.running < max(1, $0 / Int64(loops)) }) ?? true
            else { return false }
            bucket.running += 1
            taken.append((name, bucket))
        }
        for (name, bucket) in taken { buckets[name] = bucket }
        return true
    }

    /// Frees the request's concurrency slot in every scope. Call once per successful `admit`.
    package mutating func ended(_ caller: Caller) {
        for (name, _) in Self.scopes(caller) where buckets[name]?.running ?? 0 > 0 { buckets[name]?.running -= 1 }
    }

    private static func scopes(_ caller: Caller) -> [(String, ScopeLimits)] {
        let record = caller.record
        return [(record.keyID, record.keyLimits), (RedisKeys.orgScope(record.orgID), record.orgLimits)]
    }

    /// Reserves `count` units, each an interval of the share's rate. The bucket may be ahead of the clock by one burst,
    /// or by one request of up to a minute.
    private func reserve(_ count: Int64, _ perMinute: Int64?, _ loops: Int, _ now: Int64, _ free: inout Int64) -> Bool {
        guard let perMinute else { return true }
        let share = Double(perMinute) / Double(loops)
        guard share > 0 else { return false }
        let cost = Int64((Double(count) * 60_000 / share).rounded(.up))
        let start = max(free, now)
        guard start - now + min(cost, 60_000) <= max(Self.burstMs, min(cost, 60_000)), cost <= 60_000 else {
            return false
        }
        free = start + cost
        return true
    }
}
