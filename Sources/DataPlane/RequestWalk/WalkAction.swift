package import Admission
package import GatewayModel
internal import PlaneContract
package import ResponseCache
package import Routing

/// What the walk asks its environment to do.
package enum WalkAction: Sendable {
    /// Look up the record of a key. `fresh` asks Redis even if the record is cached.
    case lookUpKey(digests: [String], fresh: Bool)
    case peek(Caller)
    case findRequest(Caller, id: String)
    /// Ask the limiter whether a large body may be parsed.
    case begin(BeginRequest)
    /// Parse a body that is too large for the event loop.
    case parse(BodyTask)
    case admit(AdmitRequest)
    /// Look in the cache, or wait for an identical request that is already running.
    case lookUpAnswer(CacheLookUp)
    /// The answer is complete and valid: cache it, and pass it to the requests that wait for it.
    case keepAnswer(CacheKey, CachedResponse)
    case startAttempt(UpstreamRequest)
    case cancelAttempt(Int)
    /// The answer is complete; the transfer may end by itself within a short time.
    case releaseAttempt(Int)
    /// The caller's part is over, but the provider's answer is read to its end. The walk continues without its
    /// connection and receives `.timer(.total)` after `deadlineMs`.
    case readOn(keyID: String, deadlineMs: Int64)
    case pauseAttempt(Int)
    case resumeAttempt(Int)
    /// Report to the health table what an attempt showed of its deployment.
    case noteAttempt(AttemptReport)
    /// A complete response at once. `close`: the connection cannot be reused.
    case respond(Response, close: Bool)
    case respondHead(status: Int, headers: HeaderBlock)
    case respondBytes([UInt8])
    case respondEnd(trailers: [(String, String)])
    case setTimer(WalkTimer, afterMs: Int64)
    case cancelTimer(WalkTimer)
    case reportProgress(ProgressReport)
    case settle(SettleRequest)
    case finished(WalkReport)
}

package struct Response: Sendable {
    package var status: Int
    package var headers: HeaderBlock
    package var body: [UInt8]
    /// How long the connection starts no next request. A client that ignores the retry delay would otherwise spend, on
    /// refusals, capacity that others need.
    package var restMs: Int64 = 0

    package init(status: Int, headers: HeaderBlock, body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// One attempt for the transport to carry out: a POST that the transport must never repeat by itself.
package struct UpstreamRequest: Sendable {
    package var attempt: Int
    package var id: RequestID
    package var operation: Operation
    package var target: RouteTarget
    /// The key of the request, for the deployment's health.
    package var key: KeyHash
    package var streams: Bool
    package var body: [UInt8]

    /// - Parameter attempt: counts the request's attempts, from 1.
    package init(
        attempt: Int, id: RequestID, operation: Operation, target: RouteTarget, key: KeyHash, streams: Bool,
        body: [UInt8]
    ) {
        self.attempt = attempt
        self.id = id
        self.operation = operation
        self.target = target
        self.key = key
        self.streams = streams
        self.body = body
    }
}

/// What is looked up in the cache.
package struct CacheLookUp: Sendable {
    package var key: CacheKey
    /// Answers of this age or older do not count.
    package var ageMsMax: Int64

    /// Looks for an answer younger than `ageMsMax`.
    package init(key: CacheKey, ageMsMax: Int64) {
        self.key = key
        self.ageMsMax = ageMsMax
    }
}

/// How a request ended, for log and metrics.
package struct WalkReport: Sendable {
    package var id: RequestID
    /// The caller's own ID (`X-Client-Request-Id`), truncated, with keys redacted; empty if none was sent.
    package var clientID: String
    package var endpoint: String
    package var status: Int
    package var outcome: Outcome?
    package var error: ErrorKind?
    package var detail: String
    package var durationMs: Int64
    package var attempts: Int
    /// `nil` where there is no cache.
    package var cache: CacheUse.Word?
    /// The provider answered under another model name than its deployment declares.
    package var isMisnamed: Bool
}
