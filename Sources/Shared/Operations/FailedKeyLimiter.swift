/// Limits how often an address may send unknown, revoked or expired keys before its keys are no longer looked up.
///
/// Each address has a GCRA (ITU-T I.371, Annex A): a failure moves its theoretical arrival time on by one interval, and
/// while that is further ahead than a burst's worth of intervals, the address has to wait. Another GCRA covers all
/// addresses together, but applies only to those that failed within the last minute: a flood from many addresses cannot
/// block a newcomer's first key. Valid keys cost nothing, and neither do those the worker already knows to be bad.
package struct FailedKeyLimiter<Address: Hashable & Sendable>: Sendable {
    /// The most addresses remembered. When it is full of recent failures, unknown addresses count as recent ones too.
    package static var addressesMax: Int { 65_536 }
    package static var rememberedMs: Int64 { 60_000 }
    /// For all addresses together: 200 failures a second, with bursts of five seconds' worth.
    ///
    /// That is a thousandth of what one Redis serves.
    private static var overallIntervalMs: Int64 { 5 }
    private static var overallAheadMs: Int64 { 5_000 }

    private struct Entry {
        var arrivalMs: Int64
        var failedMs: Int64
    }

    private let intervalMs: Int64
    private let aheadMs: Int64
    private var entries: [Address: Entry] = [:]
    private var overallArrivalMs = Int64.min / 2
    private var cleanedMs = Int64.min / 2

    /// - Parameter perMinute: allowed failures per minute and address, half of them in a burst; 0 for no limit.
    package init(perMinute: Int) {
        intervalMs = perMinute > 0 ? max(1, 60_000 / Int64(perMinute)) : 0
        aheadMs = intervalMs * max(0, Int64(perMinute) / 2 - 1)
    }

    /// - Returns: milliseconds until the address may try again; `nil` if it may now.
    package func waitMs(_ address: Address, atMs now: Int64) -> Int64? {
        guard intervalMs > 0 else { return nil }
        let entry = entries[address]
        if let entry, entry.arrivalMs - aheadMs > now { return entry.arrivalMs - aheadMs - now }
        let isKnown = entry.map { now - $0.failedMs < Self.rememberedMs } ?? (entries.count >= Self.addressesMax)
        let overallMs = overallArrivalMs - Self.overallAheadMs - now
        return isKnown && overallMs > 0 ? overallMs : nil
    }

    /// Counts one unknown, revoked or expired key from the address.
    package mutating func failed(_ address: Address, atMs now: Int64) {
        guard intervalMs > 0 else { return }
        overallArrivalMs = min(max(overallArrivalMs, now) + Self.overallIntervalMs, now + 2 * Self.overallAheadMs)
        if entries[address] == nil, entries.count >= Self.addressesMax { clean(atMs: now) }
        guard entries[address] != nil || entries.count < Self.addressesMax else { return }
        // Requests in flight when the limit was reached count too, but add at most one burst.
        let furthest = now + 2 * aheadMs + intervalMs
        let arrival = min(max(entries[address]?.arrivalMs ?? now, now) + intervalMs, furthest)
        entries[address] = Entry(arrivalMs: arrival, failedMs: now)
    }

    /// Runs at most once a second, since it examines all entries.
    private mutating func clean(atMs now: Int64) {
        guard now - cleanedMs >= 1_000 else { return }
        cleanedMs = now
        entries = entries.filter { now - $0.value.failedMs < Self.rememberedMs || $0.value.arrivalMs > now }
    }
}
