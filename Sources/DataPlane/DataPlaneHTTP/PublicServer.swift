package import Reactor

/// A public port: one listening socket that every reactor accepts from.
package final class PublicServer: Sendable {
    /// Terminates TLS for a connection that was accepted and counted. Owns the descriptor and releases the slot.
    package typealias Secure = @Sendable (Int32, PeerAddress, ConnectionSlot) -> Void

    private static let backlog: Int32 = 1_024

    let descriptor: Int32
    let counter: ConnectionCounter
    /// Whether connections from trusted proxies begin with a PROXY header. Never on a TLS port, where the header would
    /// precede the handshake.
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

    /// Call only after every listener has stopped.
    package func close() { Socket.close(descriptor) }
}
