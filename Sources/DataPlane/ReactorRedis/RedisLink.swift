internal import Foundation
package import Reactor
package import Redis
internal import TLS

/// A connected socket to Redis, and its TLS if the endpoint has it: the server is verified, and nothing else was sent.
package struct RedisLink: Sendable {
    let descriptor: Int32
    let tls: TLSSocket?

    /// - Parameters:
    ///   - descriptor: a connected, non-blocking socket, owned by the link from now on.
    ///   - tls: its TLS after the handshake; `nil` for plain text.
    package init(descriptor: Int32, tls: TLSSocket?) {
        self.descriptor = descriptor
        self.tls = tls
    }

    /// For a link that no pipe was made of.
    package func close() {
        tls?.end()
        Socket.close(descriptor)
    }

    /// Connects on a thread of its own, because resolving a name blocks, and passes the link to `then` on the reactor.
    ///
    /// - Parameter timeoutMs: for connecting, the TLS handshake included.
    package static func connect(
        to endpoint: RedisEndpoint, timeoutMs: Int, on reactor: Reactor,
        then: @escaping @Sendable (Result<RedisLink, Socket.Failure>) -> Void
    ) {
        Thread.detachNewThread {
            let result = Result { () throws(Socket.Failure) in try connect(to: endpoint, timeoutMs: timeoutMs) }
            reactor.execute { then(result) }
        }
    }

    private static func connect(to endpoint: RedisEndpoint, timeoutMs: Int) throws(Socket.Failure) -> RedisLink {
        let untilMs = Reactor.clockMs() + Int64(timeoutMs)
        let descriptor = try Socket.connect(host: endpoint.host, port: endpoint.port, timeoutMs: timeoutMs)
        guard let client = endpoint.tls else { return RedisLink(descriptor: descriptor, tls: nil) }
        do throws(TLSError) {
            let tls = TLSSocket(descriptor, try client.session(for: endpoint.host))
            try tls.handshake(untilMs: untilMs)
            return RedisLink(descriptor: descriptor, tls: tls)
        } catch {
            Socket.close(descriptor)
            throw Socket.Failure("\(endpoint.host):\(endpoint.port): \(error)")
        }
    }
}
