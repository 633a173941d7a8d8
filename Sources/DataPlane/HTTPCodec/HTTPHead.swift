/// The parts of a request head that the gateway looks at, already validated.
package struct HTTPHead: Sendable, Equatable {
    /// How the end of the body is determined (RFC 9112 §6.3).
    package enum Body: Sendable, Equatable {
        case none
        case length(Int)
        case chunked
    }

    package var method = ""
    /// The request target exactly as on the request line: a path, or `*`.
    package var target = ""
    package var isHTTP10 = false
    package var body = Body.none
    package var keepAlive = true
    package var expectsContinue = false
    package var authorization: String?
    /// The values of `api-key` and `x-api-key`, where clients of other APIs put their key; without empty ones.
    package var apiKeys: [String] = []
    /// `X-Client-Request-Id`: the caller's own ID for the request.
    package var clientRequestID: String?
    package var contentType: String?
    package var contentEncoding: String?
    /// All lines, joined by commas.
    package var cacheControl: String?
    /// `Access-Control-Request-Headers` of a preflight.
    package var corsHeaders: String?
    /// Whether there is an `Origin`: browsers hide a response that does not allow it.
    package var hasOrigin = false
    /// `TE: trailers`: the client reads fields after the body (RFC 9110 §6.5.1).
    package var acceptsTrailers = false
    /// `X-Forwarded-For`, all lines joined. Only to be believed from a trusted proxy.
    package var forwardedFor: String?

    package init() {}

    package var contentLength: Int? { if case .length(let count) = body { count } else { nil } }
}

/// Limits on a request head.
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
