package import Admission
package import GatewayModel
internal import PlaneContract
package import ResponseCache
package import Routing

/// What the walk asks its surroundings to do.
package enum WalkAction: Sendable {
    /// Find the record of a key. `fresh` asks Redis even when a record is at hand.
    case lookUpKey(digests: [String], fresh: Bool)
    case peek(Caller)
    case findRequest(Caller, id: String)
    /// Ask whether a large body may be read.
    case begin(BeginRequest)
    /// Parse a body that is too large for a turn of the loop.
    case parse(BodyTask)
    case admit(AdmitRequest)
    /// Ask the cache, and wait there for whoever is asking an engine the same already.
    case lookUpAnswer(CacheLookUp)
    /// The answer is complete and good: keep it, and give it to those who wait for it.
    case keepAnswer(CacheKey, CachedAnswer)
    case startAttempt(UpstreamRequest)
    case cancelAttempt(Int)
    /// The answer is complete; the connection may finish by itself within a short while.
    case releaseAttempt(Int)
    /// The caller's part is over, but the attempt must be read on: this walk goes on by itself, without its connection, and is
    /// given `.timer(.total)` after so long.
    case readOn(keyID: String, deadlineMs: Int64)
    case pauseAttempt(Int)
    case resumeAttempt(Int)
    /// What an attempt showed of its deployment.
    case noteAttempt(AttemptReport)
    /// A complete response in one go. `close`: the connection cannot be used again.
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
    /// How long the connection takes no next request. A caller who is told to come later and asks again at once would else take, in
    /// refusals, what the gateway has for others.
    package var restMs: Int64 = 0

    package init(status: Int, headers: HeaderBlock, body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// One attempt as the transport must carry it out: a POST that is never repeated by itself.
package struct UpstreamRequest: Sendable {
    package var attempt: Int
    package var id: RequestID
    package var operation: Operation
    package var target: RouteTarget
    /// Whose request it is, for the health of the deployment.
    package var key: KeyMark
    package var streams: Bool
    package var body: [UInt8]
}

/// What is looked up in the cache.
package struct CacheLookUp: Sendable {
    package var key: CacheKey
    /// An answer of this age or older is none.
    package var ageMsMax: Int64
}

/// How a request went, for log and metrics.
package struct WalkReport: Sendable {
    package var id: RequestID
    /// What the caller calls it (`X-Client-Request-Id`), cut short and without keys; empty when he does not say.
    package var clientID: String
    package var endpoint: String
    package var status: Int
    package var outcome: Outcome?
    package var error: ErrorKind?
    package var detail: String
    package var durationMs: Int64
    package var attempts: Int
    /// `nil` where there is no cache to speak of.
    package var cache: CacheUse.Word?
    /// The provider answered with a model of another name than it is declared to serve.
    package var isMisnamed: Bool
}
