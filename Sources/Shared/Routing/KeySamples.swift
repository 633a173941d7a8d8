/// The latest measurements of each of the last few keys at one deployment.
///
/// Measurements that steer all requests follow the median of these samples. Each key has one sample, however many
/// requests it sends, so its prompts (slow, or made to fail) cannot decide the routes of others. A single sample counts
/// in full.
struct KeySamples: Sendable, Equatable {
    static let keysMax = 8
    /// How long a sample is used, in milliseconds.
    static let retentionMs: Int64 = 60_000

    struct Sample: Sendable, Equatable {
        let key: KeyHash
        var atMs: Int64
        var firstTokenMs: Double?
        /// The moving average of the key's own times to the first token.
        var firstTokenMeanMs: Double?
        var unstreamedMs: Double?
        var tokensPerSecond: Double?
        var failed = false
    }

    /// Ordered by last measurement, oldest first.
    private var keySamples: [Sample] = []

    /// Records a key's measurement. In `change`, `atMs` still has its previous value.
    mutating func record(_ key: KeyHash, atMs now: Int64, _ change: (inout Sample) -> Void) {
        keySamples.removeAll { now - $0.atMs > Self.retentionMs }
        var sample = Sample(key: key, atMs: now)
        if let at = keySamples.firstIndex(where: { $0.key == key }) {
            sample = keySamples.remove(at: at)
        } else if keySamples.count >= Self.keysMax {
            keySamples.removeFirst()
        }
        change(&sample)
        sample.atMs = now
        keySamples.append(sample)
    }

    var firstTokenMs: Double? { median { $0.firstTokenMs } }
    var unstreamedMs: Double? { median { $0.unstreamedMs } }
    var tokensPerSecond: Double? { median { $0.tokensPerSecond.map(-) }.map(-) }

    /// The share of keys whose last attempt failed. With several keys, one failed key is left out.
    var failureShare: Double {
        let failed = keySamples.count { $0.failed }
        guard keySamples.count > 1 else { return Double(failed) }
        return Double(max(0, failed - 1)) / Double(keySamples.count - 1)
    }

    /// What a key itself measured recently, if there are others: it need not wait until the median shows it.
    func ownFirstTokenMs(of key: KeyHash, atMs now: Int64) -> Double? {
        guard keySamples.count > 1 else { return nil }
        return keySamples.first { $0.key == key && now - $0.atMs <= Self.retentionMs }?.firstTokenMeanMs
    }

    /// Whether there is no recent sample of any other key.
    func isOnlyKey(_ key: KeyHash, atMs now: Int64) -> Bool { countOfOthers(than: key, atMs: now) == 0 }

    /// Whether there is no recent sample of this key.
    func lacksSample(of key: KeyHash, atMs now: Int64) -> Bool {
        !keySamples.contains { $0.key == key && now - $0.atMs <= Self.retentionMs }
    }

    /// The number of other keys with a recent sample.
    func countOfOthers(than key: KeyHash, atMs now: Int64) -> Int {
        keySamples.count { $0.key != key && now - $0.atMs <= Self.retentionMs }
    }

    /// The lower of the two middle values for an even number; `nil` when no key has measured it.
    private func median(_ value: (Sample) -> Double?) -> Double? {
        let values = keySamples.compactMap(value).sorted()
        return values.isEmpty ? nil : values[(values.count - 1) / 2]
    }
}
