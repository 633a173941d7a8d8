/// How one request may use the cache, by the worker's settings, its key, its alias or model, and its own headers.
package struct CachePolicy: Sendable, Equatable {
    /// How long the answer is stored.
    package var lifetimeMs: Int64
    /// The maximum age of an answer the request accepts.
    package var ageMsMax: Int64
    package var mayRead: Bool

    /// Takes the shorter of the key's and the name's lifetime, or the worker's default if neither sets one. 0 turns the
    /// cache off for a key or a name.
    ///
    /// - Returns: `nil` when nothing is read or stored.
    package init?(defaultSeconds: Int64, keySeconds: Int64?, nameSeconds: Int64?, _ control: CacheControl) {
        let seconds = [keySeconds, nameSeconds].compactMap { $0 }.min() ?? defaultSeconds
        guard seconds > 0, !control.forbidsKeeping else { return nil }
        lifetimeMs = min(seconds, CachedResponse.lifetimeMsMax / 1_000) * 1_000
        ageMsMax = min(lifetimeMs, control.ageMsMax)
        mayRead = !control.forbidsReading
    }
}
