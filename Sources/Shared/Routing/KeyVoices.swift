/// The latest measurements of each of the last few keys at one deployment.
///
/// Measurements that steer all requests follow the median of these voices. Each key has one voice, however many
/// requests it sends, so its prompts (slow, or made to fail) cannot decide the routes of others. A single voice counts
/// in full.
struct KeyVoices: Sendable, Equatable {
    static let keysMax = 8
    /// How long a key is heard after its last request, in milliseconds.
    static let heardMs: Int64 = 60_000

    struct Voice: Sendable, Equatable {
        let key: KeyMark
        var atMs: Int64
        var firstTokenMs: Double?
        /// The moving average of the key's own times to the first token.
        var firstTokenMeanMs: Double?
        var plainMs: Double?
        var tokensPerSecond: Double?
        var failed = false
    }

    /// Ordered by last measurement, oldest first.
    private var voices: [Voice] = []

    /// Records a key's measurement. In `change`, `atMs` still has its previous value.
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

    /// The share of keys whose last attempt failed. With several keys, one failed key is left out.
    var failing: Double {
        let failed = voices.count { $0.failed }
        guard voices.count > 1 else { return Double(failed) }
        return Double(max(0, failed - 1)) / Double(voices.count - 1)
    }

    /// What a key itself measured recently, if there are others: it need not wait until the median shows it.
    func ownFirstTokenMs(of key: KeyMark, atMs now: Int64) -> Double? {
        guard voices.count > 1 else { return nil }
        return voices.first { $0.key == key && now - $0.atMs <= Self.heardMs }?.firstTokenMeanMs
    }

    /// Whether this is the only key heard recently.
    func isAlone(_ key: KeyMark, atMs now: Int64) -> Bool { count(without: key, atMs: now) == 0 }

    /// Whether this key was not heard recently.
    func isSilent(_ key: KeyMark, atMs now: Int64) -> Bool {
        !voices.contains { $0.key == key && now - $0.atMs <= Self.heardMs }
    }

    /// The number of other keys heard recently.
    func count(without key: KeyMark, atMs now: Int64) -> Int {
        voices.count { $0.key != key && now - $0.atMs <= Self.heardMs }
    }

    /// The median; for an even number, the lower middle value.
    private func middle(_ value: (Voice) -> Double?) -> Double? {
        let values = voices.compactMap(value).sorted()
        return values.isEmpty ? nil : values[(values.count - 1) / 2]
    }
}
