/// Every bound of a connection and a request, in one place. Sizes are bytes, times milliseconds.
///
/// Those an operator can set are marked "Settable"; `docs/configuration.md` has their names. The rest are part of the
/// contract with callers.
package struct Bounds: Sendable {
    // The head of a request.
    package var headBytesMax = 16 << 10
    package var headFieldsMax = 100
    package var targetBytesMax = 8 << 10

    // The body of a request.
    package var bodyBytesMax = 20 << 20
    /// A larger body is parsed only after the limiter has counted the request and given it a concurrency slot.
    package var trustedBodyBytesMax = 64 << 10
    /// A larger body is parsed on another thread, so that it does not block the other requests of its event loop.
    package var bodyBytesParsedInTurnMax = 256 << 10
    /// How much of a refused request's body is still read, so that the caller gets to read the response.
    package var drainBytesMax = 64 << 10
    /// The minimum rate of a body in every window of `bodyMs`, in bytes per second.
    package var bodyBytesPerSecondMin = 1 << 10

    // The bodies of all requests that are arriving, waiting or running, in total. Settable.
    /// Per key.
    package var bodiesBytesPerKeyMax = 32 << 20
    /// Per client address; trusted proxies are exempt.
    package var bodiesBytesPerAddressMax = 128 << 20
    /// Per worker. By default at most a quarter of the worker's memory budget.
    package var bodiesBytesMax = 512 << 20

    // What providers send.
    package var answerBytesMax = 32 << 20
    package var streamBytesMax = 64 << 20
    package var errorBodyBytesMax = 64 << 10

    // One connection.
    /// From accepting the connection, or the first byte of a head, to the head's last byte. Settable.
    package var headMs: Int64 = 10_000
    /// The window in which a body's rate is judged. Settable.
    package var bodyMs: Int64 = 10_000
    /// From the end of a head to the last byte of its body. Settable.
    package var bodyTotalMs: Int64 = 120_000
    /// Between two requests. Settable.
    package var idleMs: Int64 = 75_000
    /// How long a client may leave pending output unread. Settable.
    package var writeStallMs: Int64 = 30_000
    /// A TLS handshake. Settable.
    package var handshakeMs: Int64 = 5_000
    /// How long input is discarded after a response that was sent before the end of its request.
    package var lingerMs: Int64 = 1_000
    /// The longest time a connection starts no new request after one was refused to protect the others. The pause is
    /// the retry delay given to the caller, but capped here because a proxy may share the connection among callers.
    package var shedRestMsMax: Int64 = 1_000
    /// Unsent bytes of a response: above the first the upstream is paused, below the second it is resumed.
    package var unsentBytesHigh = 64 << 10
    package var unsentBytesLow = 16 << 10
    /// Pipelined bytes that wait for the request before them.
    package var aheadBytesMax = 32 << 10

    // All connections of a worker. Settable.
    package var connectionsMax = 10_000
    package var connectionsPerAddressMax = 256

    // The whole request. Settable.
    package var totalMs: Int64 = 600_000

    package init() {}
}
