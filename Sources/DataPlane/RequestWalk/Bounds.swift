/// Every bound of a connection and a request, in one place. Sizes are bytes, times milliseconds.
///
/// What an operator may set is marked so; `docs/configuration.md` has the names. The rest are the contract with callers.
package struct Bounds: Sendable {
    // The head of a request.
    package var headBytesMax = 16 << 10
    package var headFieldsMax = 100
    package var targetBytesMax = 8 << 10

    // The body of a request.
    package var bodyBytesMax = 20 << 20
    /// A larger body is not parsed before the limiter has taken the request's unit and its place.
    package var trustedBodyBytesMax = 64 << 10
    /// A larger body is parsed on another thread: in a turn of the loop it would keep all others of that loop waiting.
    package var bodyBytesParsedInTurnMax = 256 << 10
    /// What is still read of a body whose request is already refused, so that the caller reads the answer.
    package var drainBytesMax = 64 << 10
    /// What a caller must keep up within every `bodyMs`, in bytes a second.
    package var bodyBytesPerSecondMin = 1 << 10

    // The bodies of all requests that arrive, wait or run, in sum. Settable.
    /// Of one key.
    package var bodiesBytesPerKeyMax = 32 << 20
    /// From one address that is no trusted proxy.
    package var bodiesBytesPerAddressMax = 128 << 20
    /// Of a worker. Left alone, it is no more than a quarter of the worker's memory budget.
    package var bodiesBytesMax = 512 << 20

    // What providers send.
    package var answerBytesMax = 32 << 20
    package var streamBytesMax = 64 << 20
    package var errorBodyBytesMax = 64 << 10

    // One connection.
    /// From the first byte of a head, or from accepting, to its last. Settable.
    package var headMs: Int64 = 10_000
    /// The stretch of time within which a body's rate is judged. Settable.
    package var bodyMs: Int64 = 10_000
    /// From the end of a head to the last byte of its body. Settable.
    package var bodyTotalMs: Int64 = 120_000
    /// Between two requests. Settable.
    package var idleMs: Int64 = 75_000
    /// How long a caller may read nothing of what waits for him. Settable.
    package var writeStallMs: Int64 = 30_000
    /// A TLS handshake. Settable.
    package var handshakeMs: Int64 = 5_000
    /// How long bytes are dropped behind an answer that came before the end of its request.
    package var lingerMs: Int64 = 1_000
    /// How long a connection takes no next request after one was refused to keep others served: as long as its caller was told to
    /// wait, but no longer than this, for a proxy may share it among callers.
    package var shedRestMsMax: Int64 = 1_000
    /// Unsent bytes of an answer: above the first the engine is paused, below the second it goes on.
    package var unsentBytesHigh = 64 << 10
    package var unsentBytesLow = 16 << 10
    /// Requests sent ahead (pipelined) that wait for the one before.
    package var aheadBytesMax = 32 << 10

    // All connections of a worker. Settable.
    package var connectionsMax = 10_000
    package var connectionsPerAddressMax = 256

    // The whole request. Settable.
    package var totalMs: Int64 = 600_000

    package init() {}
}
