/// The head of a request: what of it the gateway looks at, already judged.
package struct HTTPHead: Sendable, Equatable {
    /// How the end of the body is known (RFC 9112 §6.3).
    package enum Body: Sendable, Equatable {
        case none
        case length(Int)
        case chunked
    }

    package var method = ""
    /// The request target as it stood on the request line: a path, or `*`.
    package var target = ""
    package var isHTTP10 = false
    package var body = Body.none
    package var keepAlive = true
    package var expectsContinue = false
    package var authorization: String?
    /// `api-key` and `x-api-key`, where clients of other APIs put their key; empty values left out.
    package var apiKeys: [String] = []
    /// `X-Client-Request-Id`: what the caller calls the request.
    package var clientRequestID: String?
    package var contentType: String?
    package var contentEncoding: String?
    /// All lines joined.
    package var cacheControl: String?
    /// `Access-Control-Request-Headers` of a preflight.
    package var corsHeaders: String?
    /// It has an `Origin`: a browser asks, and hides an answer that does not allow it.
    package var hasOrigin = false
    /// `TE: trailers`: fields after the body are read (RFC 9110 §6.5.1).
    package var acceptsTrailers = false
    /// `X-Forwarded-For`, all lines joined; believed only from a trusted proxy.
    package var forwardedFor: String?

    package init() {}

    package var contentLength: Int? { if case .length(let count) = body { count } else { nil } }
}

/// The bounds of a head.
package struct HeadBounds: Sendable {
    package var bytesMax: Int
    package var fieldsMax: Int
    package var targetBytesMax: Int

    package init(bytesMax: Int, fieldsMax: Int, targetBytesMax: Int) {
        self.bytesMax = bytesMax
        self.fieldsMax = fieldsMax
        self.targetBytesMax = targetBytesMax
    }
}
