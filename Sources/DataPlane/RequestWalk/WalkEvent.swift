package import Admission
package import GatewayModel
internal import PlaneContract
package import ResponseCache

/// What happens to a request from outside. Upstream events carry the number of their attempt, so that a late word from a
/// cancelled one is recognised.
package enum WalkEvent: Sendable {
    case head(RequestHead)
    case body([UInt8])
    case bodyEnd
    /// What should be the rest of the request is none, or comes too slowly.
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
    /// The caller reads too slowly to take more now.
    case clientBlocked
    case clientReady
    case timer(WalkTimer)
    /// The worker must end: what is still running is cut cleanly.
    case shutdown
}

/// The head of a request: what of it the walk looks at.
package struct RequestHead: Sendable {
    package var method: String
    /// The request target as it stood on the request line.
    package var target: String
    package var authorization: String?
    /// What stood in `api-key` and `x-api-key`.
    package var apiKeys: [String] = []
    /// What the caller calls the request, for the log.
    package var clientRequestID: String?
    package var contentType: String?
    package var contentEncoding: String?
    package var contentLength: Int?
    package var corsHeaders: String?
    package var cacheControl: String?
    /// A browser asks: the answer needs the CORS fields.
    package var hasOrigin = false
    /// The caller reads what follows a body (`TE: trailers`).
    package var acceptsTrailers = false
    /// The caller sends his body only when told to go on.
    package var expectsContinue: Bool
    package var hasBody: Bool
    /// The digests of the same `Authorization`, when they were worked out before; else empty.
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
    /// This worker has more requests than it can ask the limiter about, or this address too many keys that do not exist.
    case notAsked(GatewayError)
}

/// What the cache says of a look-up.
package enum CacheReply: Sendable {
    case hit(CachedAnswer)
    /// Nobody has it, and whoever asks for the same from now on waits for this request's answer.
    case miss
    /// The cache cannot be asked, or does not answer in time.
    case unavailable
}

package enum AdmitAnswer: Sendable {
    case verdict(AdmitVerdict)
    /// Redis could not be asked, or did not answer in time.
    case unavailable
    /// Redis never got the question: there is no hold. `nil`: it cannot be reached.
    case notAsked(GatewayError?)
}

package enum TransportFailure: Error, Sendable, Equatable {
    /// Nothing can have reached the provider: another attempt is safe.
    case notSent(String)
    /// No connection that can be trusted: nothing was sent.
    case insecure(String)
    /// The request may have been received, and billed: it must not be repeated.
    case ambiguous(String)
}

package enum WalkTimer: Int, Sendable, CaseIterable {
    /// The first event of an attempt.
    case firstEvent
    /// The silence between two events.
    case idle
    /// The whole request, over all attempts.
    case total
    /// The next comment that keeps a silent stream open.
    case ping
    /// The next report of a running stream's cost.
    case progress
    /// The second attempt on the same deployment.
    case retry
    /// The next question to the limiter while running requests hold the money.
    case money
}
