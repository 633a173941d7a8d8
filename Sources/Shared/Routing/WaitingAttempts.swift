/// Attempts that wait for their first token: how long the one in the middle has waited tells that a deployment has become slow before
/// any of them is answered.
struct WaitingAttempts: Sendable, Equatable {
    /// More are not kept apart; the middle one is then among these.
    static let countMax = 256
    /// No request takes longer.
    static let ageMsMax: Int64 = 3_600_000

    private struct Waiting: Equatable {
        let startedMs: Int64
        let key: KeyMark
    }

    /// The oldest first.
    private var attempts: [Waiting] = []

    var count: Int { attempts.count }

    mutating func began(for key: KeyMark, atMs now: Int64) {
        if let first = attempts.first, now - first.startedMs > Self.ageMsMax { attempts.removeFirst() }
        if attempts.count < Self.countMax { attempts.append(Waiting(startedMs: now, key: key)) }
    }

    mutating func ended(for key: KeyMark, startedMs: Int64) {
        let waiting = Waiting(startedMs: startedMs, key: key)
        if let at = attempts.firstIndex(of: waiting) { attempts.remove(at: at) }
    }

    /// How long the one in the middle has waited; `nil` when none waits.
    func middleAgeMs(atMs now: Int64) -> Int64? {
        attempts.isEmpty ? nil : max(0, now - attempts[attempts.count / 2].startedMs)
    }

    /// The same, each key counting once by the one in the middle of its own, as a key sees it. Linear in `countMax`.
    ///
    /// - Parameters:
    ///   - asking: the key that wants to know; `nil` for an operator.
    ///   - voices: which keys were heard lately. Where one key alone waits, that counts for itself, and for others only if they
    ///     know nothing of their own.
    func fairAgeMs(for asking: KeyMark?, voices: KeyVoices, atMs now: Int64) -> Int64? {
        var starts: [KeyMark: [Int64]] = [:]
        for attempt in attempts { starts[attempt.key, default: []].append(attempt.startedMs) }
        if starts.count == 1, let only = starts.keys.first, only != asking, !voices.isAlone(only, atMs: now) {
            return nil
        }
        let middles = starts.values.map { $0[$0.count / 2] }.sorted()
        return middles.isEmpty ? nil : max(0, now - middles[middles.count / 2])
    }
}
