internal import GatewayModel
package import Reactor
internal import RequestWalk

/// The public port: one listening socket, watched by every reactor; whichever accepts a connection keeps it.
package final class PublicServer: Sendable {
    private static let backlog: Int32 = 1_024

    let descriptor: Int32
    let counter: ConnectionCounter
    /// Whether connections of trusted proxies begin with a PROXY header.
    let usesProxyProtocol: Bool

    /// - Throws: `Socket.Failure` when the address cannot be bound.
    package init(host: String, port: Int, counter: ConnectionCounter, usesProxyProtocol: Bool) throws {
        descriptor = try Socket.listen(host: host, port: port, backlog: Self.backlog)
        self.counter = counter
        self.usesProxyProtocol = usesProxyProtocol
    }

    package var port: Int { Socket.localPort(of: descriptor) }

    /// After every listener has stopped.
    package func close() { Socket.close(descriptor) }
}

/// Accepts connections of a server for one reactor.
package final class Listener: EventSource {
    private static let acceptsPerTurn = 64
    /// How long accepting rests when the process has no descriptors left.
    private static let restMs: Int64 = 100

    private let server: PublicServer
    private let services: any RequestServices
    private var isWatching = false
    private var isStopped = false

    package init(_ server: PublicServer, services: any RequestServices) {
        self.server = server
        self.services = services
        watch()
    }

    private func watch() {
        guard !isStopped else { return }
        isWatching = true
        services.reactor.watch(server.descriptor, for: .readable | .exclusive, self)
    }

    package func stop() {
        isStopped = true
        if isWatching { services.reactor.unwatch(server.descriptor) }
        isWatching = false
    }

    package func ready(_ readiness: Readiness) {
        for _ in 0..<Self.acceptsPerTurn {
            switch Socket.accept(from: server.descriptor) {
            case .connection(let descriptor, let address): take(descriptor, from: address)
            case .none: return
            case .exhausted: return rest()
            }
        }
    }

    /// A listener that stays readable while nothing can be accepted would spin.
    private func rest() {
        services.reactor.unwatch(server.descriptor)
        isWatching = false
        services.reactor.after(Self.restMs) { [self] in if !isWatching { watch() } }
    }

    /// - Parameter isSecured: its TLS was taken off; a PROXY header would have come before that.
    package func take(_ descriptor: Int32, from address: PeerAddress, isSecured: Bool = false) {
        guard server.counter.enter() else { return Socket.close(descriptor) }
        let hasProxyHeader = !isSecured && server.usesProxyProtocol && server.counter.isTrusted(address)
        let isCounted = !hasProxyHeader && server.counter.enter(address)
        let connection = ClientConnection(
            descriptor, from: isCounted ? address : nil, hasProxyHeader: hasProxyHeader, counter: server.counter,
            services: services)
        connection.open()
        if !hasProxyHeader, !isCounted { connection.turnAway() }
    }

    package func deadlineReached() {}
}
