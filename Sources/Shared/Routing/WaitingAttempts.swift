/// Attempts waiting for their first token or response.
///
/// Their median waiting time shows that a deployment has become slow before any of them is answered.
struct WaitingAttempts: Sendable, Equatable {
    /// Further attempts are not tracked; the median is then that of these.
    static let countMax = 256
    /// No request takes longer.
    static let ageMsMax: Int64 = 3_600_000

    private struct Waiting: Equatable {
        let startedMs: Int64
        let key: KeyHash
    }

    /// Oldest first.
    private var attempts: [Waiting] = []

    var count: Int { attempts.count }

    mutating func began(for key: KeyHash, atMs now: Int64) {
        if let first = attempts.first, now - first.startedMs > Self.ageMsMax { attempts.removeFirst() }
        if attempts.count < Self.countMax { attempts.append(Waiting(startedMs: now, key: key)) }
    }

    mutating func ended(for key: KeyHash, startedMs: Int64) {
        let waiting = Waiting(startedMs: startedMs, key: key)
        if let at = attempts.firstIndex(of: waiting) { attempts.remove(at: at) }
    }

    /// The median waiting time; `nil` when none waits.
    func medianAgeMs(atMs now: Int64) -> Int64? {
        attempts.isEmpty ? nil : max(0, now - attempts[attempts.count / 2].startedMs)
    }

    /// The median over keys of each key's own median waiting time, as a key sees it. Linear in `countMax`.
    ///
    /// - Parameters:
    ///   - asking: the key of the request; `nil` for an operator.
    ///   - keySamples: the keys measured recently. If only one key waits, that counts for itself, and for other keys
    ///     only if no other key was measured.
    func perKeyMedianAgeMs(for asking: KeyHash?, keySamples: KeySamples, atMs now: Int64) -> Int64? {
        var starts: [KeyHash: [Int64]] = [:]
        for attempt in attempts { starts[attempt.key, default: []].append(attempt.startedMs) }
        if starts.count == 1, let only = starts.keys.first, only != asking, !keySamples.isOnlyKey(only, atMs: now) {
            return nil
        }
        let middles = starts.values.map { $0[$0.count / 2] }.sorted()
        return middles.isEmpty ? nil : max(0, now - middles[middles.count / 2])
    }
}
