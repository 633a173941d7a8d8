internal import GatewayModel
package import Reactor
internal import RequestWalk

/// Accepts connections on a public port for one reactor. Connections over a limit are closed at once.
package final class Listener: EventSource {
    private static let acceptsPerTurn = 64
    /// How long accepting pauses when the process or the machine has no descriptors left.
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

    /// Stops accepting. The listening socket stays open: other reactors accept from it.
    package func stop() {
        isStopped = true
        if isWatching { services.reactor.unwatch(server.descriptor) }
        isWatching = false
    }

    package func ready(_ readiness: Readiness) {
        for _ in 0..<Self.acceptsPerTurn {
            switch Socket.accept(from: server.descriptor) {
            case .connection(let descriptor, let address): accepted(descriptor, from: address)
            case .none: return
            case .exhausted: return rest()
            }
        }
    }

    /// Stops accepting for a while: a listener that is readable but cannot accept would spin.
    private func rest() {
        services.reactor.unwatch(server.descriptor)
        isWatching = false
        services.reactor.after(Self.restMs) { [self] in if !isWatching { watch() } }
    }

    private func accepted(_ descriptor: Int32, from address: PeerAddress) {
        let counter = server.counter
        let hasProxyHeader = server.usesProxyProtocol && counter.isTrusted(address)
        switch counter.enter(from: hasProxyHeader ? nil : address) {
        case .workerIsFull: Socket.close(descriptor)
        case .addressIsFull:
            // During a TLS handshake there is no way to send an error.
            if server.secure == nil {
                ClientConnection.reject(descriptor, services)
            } else {
                Socket.close(descriptor)
            }
        case .counted(let slot):
            if let secure = server.secure { return secure(descriptor, address, slot) }
            ClientConnection(
                descriptor, from: hasProxyHeader ? nil : address, hasProxyHeader: hasProxyHeader, slot: slot,
                services: services
            ).open()
        }
    }

    package func deadlineReached() {}
}
