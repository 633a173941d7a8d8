/// A request to a provider: a POST that is sent at most once.
package struct UpstreamCall {
    package var endpoint: UpstreamEndpoint
    /// Header lines for this call only, as `Name: value`.
    package var headers: [String]
    package var body: [UInt8]

    package init(endpoint: UpstreamEndpoint, headers: [String], body: [UInt8]) {
        self.endpoint = endpoint
        self.headers = headers
        self.body = body
    }
}

/// What a transfer delivers, in order: a head, bytes, then exactly one end.
package enum UpstreamEvent {
    case head(status: Int, contentType: String, retryAfterMs: Int64?)
    case bytes([UInt8])
    case ended
    /// Nothing can have reached the provider.
    case notSent(String)
    /// No secure connection could be made; nothing was sent.
    case insecure(String)
    /// The provider may have received, and billed, the request.
    case broke(String)
}
