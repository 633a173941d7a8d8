/// An upper bound for the output produced by a given instant, which may be in the future.
///
/// Output that passes through is counted by its bytes: a token of a byte-level tokenizer has at least one. Output that
/// does not (hidden reasoning; anything while the connection is paused) is bounded by time: no model produces more than
/// its `tokensPerSecondMax`. A few tokens are always in flight between producer and reader.
struct Production {
    /// Tokens per choice in flight: produced but not yet read, or produced before a provider notices the close.
    static let underWayTokens: Int64 = 256
    /// Billed tokens of a choice besides its text, such as turn and end markers. An assumption: no vendor states a
    /// figure.
    static let markerTokens: Int64 = 8
    /// A hold covers what can be produced within this time; progress is reported more often than that.
    static let leadMs: Int64 = 2_000

    /// `nil` while no attempt runs.
    private var startedMs: Int64?
    /// Since when the provider is paused, so that its output no longer passes through.
    private var pausedSinceMs: Int64?
    /// Tokens that may have been produced while it was paused and were not read since.
    private var backlogTokens: Int64 = 0

    mutating func start(atMs now: Int64) {
        startedMs = now
        pausedSinceMs = nil
    }

    mutating func stop() { startedMs = nil }

    mutating func pause(atMs now: Int64) {
        if pausedSinceMs == nil { pausedSinceMs = now }
    }

    mutating func resume(perSecond rate: Int64, atMs now: Int64) {
        guard let since = pausedSinceMs, startedMs != nil else { return }
        backlogTokens += Self.tokens(perSecond: rate, overMs: now - since)
        pausedSinceMs = nil
    }

    /// Output passed through that may have been produced while the provider was paused.
    mutating func passed(_ tokens: Int64) { backlogTokens = max(0, backlogTokens - tokens) }

    /// - Parameter visible: tokens that passed through.
    /// - Parameter isUnseen: whether the model may also produce output that is never shown.
    func tokens(visible: Int64, perSecond rate: Int64, isUnseen: Bool, atMs now: Int64) -> Int64 {
        guard let startedMs else { return 0 }
        var unseen = backlogTokens
        if let since = pausedSinceMs { unseen += Self.tokens(perSecond: rate, overMs: now - since) }
        if isUnseen { unseen += Self.tokens(perSecond: rate, overMs: now - startedMs) }
        return visible + unseen
    }

    static func tokens(perSecond rate: Int64, overMs: Int64) -> Int64 {
        let (product, overflow) = rate.multipliedReportingOverflow(by: max(0, overMs))
        return overflow ? .max / 4 : product / 1000
    }
}
