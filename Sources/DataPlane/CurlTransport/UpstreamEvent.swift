package import GatewayModel
internal import NIOCore

/// A request to a provider: a POST that is sent at most once.
package struct UpstreamCall: Sendable {
    package var url: String
    package var headers: [(String, String)]
    package var bearer: Secret?
    package var body: [UInt8]
    /// Networks outside the public internet it may connect to; without any, only `https` is spoken.
    package var allowedNetworks: [String]
    package var connectMs: Int
    package var totalMs: Int

    package init(
        url: String, headers: [(String, String)], bearer: Secret?, body: [UInt8], allowedNetworks: [String],
        connectMs: Int, totalMs: Int
    ) {
        self.url = url
        self.headers = headers
        self.bearer = bearer
        self.body = body
        self.allowedNetworks = allowedNetworks
        self.connectMs = connectMs
        self.totalMs = totalMs
    }
}

/// What a provider's connection brings, in order: a head, bytes, then one end.
package enum UpstreamEvent: Sendable {
    case head(status: Int, contentType: String, retryAfterMs: Int64?)
    case bytes([UInt8])
    case ended
    /// Nothing can have reached the provider.
    case notSent(String)
    /// The provider may have received, and billed, the request.
    case broke(String)
}

/// Names one transfer to its driver.
package struct TransferID: Hashable, Sendable {
    let number: UInt64
}
