package import Reactor

/// A public port: one listening socket, watched by every reactor; the reactor that accepts a connection counts it.
package final class PublicServer: Sendable {
    /// Takes TLS off a connection that was accepted and counted. It owns the descriptor and gives the place back.
    package typealias Secure = @Sendable (Int32, PeerAddress, ConnectionPlace) -> Void

    private static let backlog: Int32 = 1_024

    let descriptor: Int32
    let counter: ConnectionCounter
    /// Whether connections of trusted proxies begin with a PROXY header. Not on a port with TLS: the header would come before that.
    let usesProxyProtocol: Bool
    /// `nil` on the port without TLS.
    let secure: Secure?

    /// - Throws: `Socket.Failure` when the address cannot be bound.
    package init(
        host: String, port: Int, counter: ConnectionCounter, usesProxyProtocol: Bool = false, secure: Secure? = nil
    ) throws {
        descriptor = try Socket.listen(host: host, port: port, backlog: Self.backlog)
        self.counter = counter
        self.usesProxyProtocol = usesProxyProtocol
        self.secure = secure
    }

    package var port: Int { Socket.localPort(of: descriptor) }

    /// After every listener has stopped.
    package func close() { Socket.close(descriptor) }
}
