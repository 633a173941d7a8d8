/// What each of the last few keys measured last at one deployment. Measurements that steer everybody's requests follow the middle
/// of these voices: a key has one, however many requests it sends, so that the prompts of one key (slow, or made to fail) do not
/// decide where the requests of others go. Where one key alone was heard, its measurements are all there is, and count in full.
struct KeyVoices: Sendable, Equatable {
    static let keysMax = 8
    /// Milliseconds after which a key that sent nothing is no longer heard.
    static let heardMs: Int64 = 60_000

    struct Voice: Sendable, Equatable {
        let key: KeyMark
        var atMs: Int64
        var firstTokenMs: Double?
        /// The moving average of the key's own first tokens.
        var firstTokenMeanMs: Double?
        var plainMs: Double?
        var tokensPerSecond: Double?
        var failed = false
    }

    /// The one that was heard longest ago first.
    private var voices: [Voice] = []

    /// Notes what a key measured. `change` finds `atMs` as it was before.
    mutating func hear(_ key: KeyMark, atMs now: Int64, _ change: (inout Voice) -> Void) {
        voices.removeAll { now - $0.atMs > Self.heardMs }
        var voice = Voice(key: key, atMs: now)
        if let at = voices.firstIndex(where: { $0.key == key }) {
            voice = voices.remove(at: at)
        } else if voices.count >= Self.keysMax {
            voices.removeFirst()
        }
        change(&voice)
        voice.atMs = now
        voices.append(voice)
    }

    var firstTokenMs: Double? { middle { $0.firstTokenMs } }
    var plainMs: Double? { middle { $0.plainMs } }
    var tokensPerSecond: Double? { middle { $0.tokensPerSecond.map(-) }.map(-) }

    /// The share of keys whose last attempt failed, the one that is worst off left out where there are others.
    var failing: Double {
        let failed = voices.count { $0.failed }
        guard voices.count > 1 else { return Double(failed) }
        return Double(max(0, failed - 1)) / Double(voices.count - 1)
    }

    /// What a key has measured itself lately, where it is not the only one: it need not wait for the others to see it.
    func ownFirstTokenMs(of key: KeyMark, atMs now: Int64) -> Double? {
        guard voices.count > 1 else { return nil }
        return voices.first { $0.key == key && now - $0.atMs <= Self.heardMs }?.firstTokenMeanMs
    }

    /// Whether nobody but this key was heard lately.
    func isAlone(_ key: KeyMark, atMs now: Int64) -> Bool { count(without: key, atMs: now) == 0 }

    /// Whether this key was not heard lately.
    func isSilent(_ key: KeyMark, atMs now: Int64) -> Bool {
        !voices.contains { $0.key == key && now - $0.atMs <= Self.heardMs }
    }

    /// How many keys were heard lately, without this one.
    func count(without key: KeyMark, atMs now: Int64) -> Int {
        voices.count { $0.key != key && now - $0.atMs <= Self.heardMs }
    }

    /// The middle value; of two the lower.
    private func middle(_ value: (Voice) -> Double?) -> Double? {
        let values = voices.compactMap(value).sorted()
        return values.isEmpty ? nil : values[(values.count - 1) / 2]
    }
}
