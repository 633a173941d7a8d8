/// How often an address may send keys that turn out to be unknown, revoked or expired, before such keys are looked up no more.
///
/// Each address has a GCRA (ITU-T I.371, Annex A): a failure moves its theoretical arrival time on by one interval, and while that is
/// further ahead than a burst's worth of intervals, the address waits. All addresses together have another one, which counts for
/// those that failed in the last minute alone: a flood from many addresses cannot keep a stranger's first key from being looked
/// up. Keys that are good cost nothing, and so do those the worker knows to be bad.
package struct FailedKeys<Address: Hashable & Sendable>: Sendable {
    /// Addresses remembered. While it is full of those of the last minute, any other counts as one of them.
    package static var addressesMax: Int { 65_536 }
    package static var rememberedMs: Int64 { 60_000 }
    /// Failures of all addresses together: a thousandth of what one Redis answers, and as many as that in a burst of five seconds.
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

    /// - Parameter perMinute: failures a minute of one address, half of them at once; 0 for no limit.
    package init(perMinute: Int) {
        intervalMs = perMinute > 0 ? max(1, 60_000 / Int64(perMinute)) : 0
        aheadMs = intervalMs * max(0, Int64(perMinute) / 2 - 1)
    }

    /// - Returns: in how many milliseconds the address may try again; `nil`: it may now.
    package func waitMs(_ address: Address, atMs now: Int64) -> Int64? {
        guard intervalMs > 0 else { return nil }
        let entry = entries[address]
        if let entry, entry.arrivalMs - aheadMs > now { return entry.arrivalMs - aheadMs - now }
        let isKnown = entry.map { now - $0.failedMs < Self.rememberedMs } ?? (entries.count >= Self.addressesMax)
        let overallMs = overallArrivalMs - Self.overallAheadMs - now
        return isKnown && overallMs > 0 ? overallMs : nil
    }

    package mutating func failed(_ address: Address, atMs now: Int64) {
        guard intervalMs > 0 else { return }
        overallArrivalMs = min(max(overallArrivalMs, now) + Self.overallIntervalMs, now + 2 * Self.overallAheadMs)
        if entries[address] == nil, entries.count >= Self.addressesMax { clean(atMs: now) }
        guard entries[address] != nil || entries.count < Self.addressesMax else { return }
        // What was under way when the limit was reached counts, but for no more than one burst.
        let furthest = now + 2 * aheadMs + intervalMs
        let arrival = min(max(entries[address]?.arrivalMs ?? now, now) + intervalMs, furthest)
        entries[address] = Entry(arrivalMs: arrival, failedMs: now)
    }

    /// At most once a second, since it looks at all of them.
    private mutating func clean(atMs now: Int64) {
        guard now - cleanedMs >= 1_000 else { return }
        cleanedMs = now
        entries = entries.filter { now - $0.value.failedMs < Self.rememberedMs || $0.value.arrivalMs > now }
    }
}
