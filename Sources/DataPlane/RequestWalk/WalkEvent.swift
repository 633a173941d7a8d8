package import Admission
package import GatewayModel
internal import PlaneContract
package import ResponseCache

/// Everything that happens to a request from outside.
///
/// Upstream events carry their attempt's number, so that late events of a cancelled attempt are recognised.
package enum WalkEvent: Sendable {
    case head(RequestHead)
    case body([UInt8])
    case bodyEnd
    /// The rest of the request is malformed or arrives too slowly.
    case requestBroken(GatewayError)
    case keyFound(KeyLookup)
    case peeked(PeekVerdict)
    case requestFound(RequestLookup)
    case beginAnswered(BeginAnswer)
    case parsed(ParsedBody)
    case admitAnswered(AdmitAnswer)
    case cacheAnswered(CacheReply)
    case progressAnswered(ProgressVerdict)
    case attemptHead(attempt: Int, status: Int, contentType: String, retryAfterMs: Int64?)
    case attemptBytes(attempt: Int, [UInt8])
    case attemptEnded(attempt: Int)
    case attemptFailed(attempt: Int, TransportFailure)
    case clientGone
    /// The client reads too slowly to accept more now.
    case clientBlocked
    case clientReady
    case timer(WalkTimer)
    /// The worker must stop: running requests are ended cleanly.
    case shutdown
}

/// The parts of a request's head that the walk looks at.
package struct RequestHead: Sendable {
    package var method: String
    /// The request target exactly as on the request line.
    package var target: String
    package var authorization: String?
    /// The values of `api-key` and `x-api-key`.
    package var apiKeys: [String] = []
    /// The caller's own ID for the request, for the log.
    package var clientRequestID: String?
    package var contentType: String?
    package var contentEncoding: String?
    package var contentLength: Int?
    package var corsHeaders: String?
    package var cacheControl: String?
    /// The request comes from a browser: the response needs the CORS fields.
    package var hasOrigin = false
    /// The client accepts trailers (`TE: trailers`).
    package var acceptsTrailers = false
    /// The client waits for `100 Continue` before it sends the body.
    package var expectsContinue: Bool
    package var hasBody: Bool
    /// The digests of `Authorization` if they are known already, else empty.
    package var digests: [String] = []

    package init(
        method: String, target: String, authorization: String?, contentType: String?, contentEncoding: String?,
        contentLength: Int?, corsHeaders: String?, expectsContinue: Bool = false,
        hasBody: Bool = false
    ) {
        self.method = method
        self.target = target
        self.authorization = authorization
        self.contentType = contentType
        self.contentEncoding = contentEncoding
        self.contentLength = contentLength
        self.corsHeaders = corsHeaders
        self.expectsContinue = expectsContinue
        self.hasBody = hasBody
    }
}

package enum KeyLookup: Sendable {
    case found(Caller)
    case unknown
    /// Redis could not be asked.
    case unavailable
    /// The worker has too many requests to ask the limiter about, or this address tried too many unknown keys.
    case notAsked(GatewayError)
}

/// The result of a cache look-up.
package enum CacheReply: Sendable {
    case hit(CachedResponse)
    /// Not cached. Identical requests from now on wait for this one's answer.
    case miss
    /// The cache could not be asked, or did not answer in time.
    case unavailable
}

package enum AdmitAnswer: Sendable {
    case verdict(AdmitVerdict)
    /// Redis could not be asked, or did not answer in time: the hold may exist.
    case unavailable
    /// The question never reached Redis, so there is no hold. `nil`: Redis cannot be reached.
    case notAsked(GatewayError?)
}

package enum TransportFailure: Error, Sendable, Equatable {
    /// Nothing can have reached the provider: another attempt is safe.
    case notSent(String)
    /// No trustworthy connection could be made; nothing was sent.
    case insecure(String)
    /// The request may have been received and billed: it must not be repeated.
    case ambiguous(String)

    var detail: String {
        switch self {
        case .notSent(let detail), .insecure(let detail), .ambiguous(let detail): detail
        }
    }
}

package enum WalkTimer: Int, Sendable, CaseIterable {
    /// The wait for the first event of an attempt.
    case firstEvent
    /// The silence between two events.
    case idle
    /// The whole request, over all attempts.
    case total
    /// The next comment that keeps a silent stream open.
    case ping
    /// The next report of a running stream's cost.
    case progress
    /// The pause before the retry on the same deployment.
    case retry
    /// The next request to the limiter while running requests hold the money.
    case money
}
