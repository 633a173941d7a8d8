internal import Foundation
internal import Reactor
internal import Redis
internal import TLS

/// A connected socket to Redis, and its TLS if the endpoint has it: the server is verified, and nothing else was sent.
struct RedisLink: Sendable {
    let descriptor: Int32
    let tls: TLSSocket?

    func close() {
        tls?.end()
        Socket.close(descriptor)
    }

    /// Connects on a thread of its own, because resolving a name blocks, and passes the link to `then` on the reactor.
    ///
    /// - Parameter timeoutMs: for connecting, the TLS handshake included.
    static func connect(
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
