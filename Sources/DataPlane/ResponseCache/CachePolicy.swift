/// How one request may use the cache: what the worker, its key, the alias or model it calls and its own headers say, together.
package struct CachePolicy: Sendable, Equatable {
    /// How long its answer is kept.
    package var lifetimeMs: Int64
    /// The oldest answer it takes.
    package var ageMsMax: Int64
    package var mayRead: Bool

    /// The shorter of what key and name allow; what neither says is the worker's default. 0 turns the cache off for a key or a
    /// name.
    ///
    /// - Returns: `nil` when nothing is read or kept.
    package init?(defaultSeconds: Int64, keySeconds: Int64?, nameSeconds: Int64?, _ control: CacheControl) {
        let seconds = [keySeconds, nameSeconds].compactMap { $0 }.min() ?? defaultSeconds
        guard seconds > 0, !control.forbidsKeeping else { return nil }
        lifetimeMs = min(seconds, CachedAnswer.lifetimeMsMax / 1_000) * 1_000
        ageMsMax = min(lifetimeMs, control.ageMsMax)
        mayRead = !control.forbidsReading
    }
}
