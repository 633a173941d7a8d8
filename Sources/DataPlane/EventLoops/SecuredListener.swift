package import DataPlaneHTTP
package import Logging
package import NIOCore
package import Operations
internal import Reactor
internal import RequestWalk
package import TLSFront
package import WorkerConfiguration

/// The port with TLS: terminated beside the loops, which serve what is inside.
package struct SecuredListener: Sendable {
    /// Terminates the connections' TLS.
    package let front: TLSFront
    /// Accepts the connections.
    package let server: PublicServer
    private let identity: TLSIdentity
    private let metrics: MetricsRegistry
    private let log: Logger

    /// Listens when certificate and key are set; `nil` otherwise.
    ///
    /// - Throws: when the pair cannot be used or the port cannot be bound.
    package init?(
        _ settings: WorkerSettings, _ loops: WorkerLoops, _ counter: ConnectionCounter, on group: any EventLoopGroup,
        metrics: MetricsRegistry, log: Logger
    ) throws {
        guard let files = settings.tlsFiles else { return nil }
        let identity = try TLSIdentity(certificateFile: files.certificate, keyFile: files.key)
        let front = TLSFront(
            identity: identity,
            deadlines: .init(handshakeMs: settings.bounds.handshakeMs, lastBytesMs: settings.bounds.writeStallMs),
            group: group)
        server = try PublicServer(host: settings.host, port: settings.tlsPort, counter: counter) {
            descriptor, address, slot in
            front.serve(
                descriptor, adopt: { Socket.isReserved($0) ? Socket.close($0) : loops.adopt($0, from: address) },
                ended: { slot.release() })
        }
        self.front = front
        self.identity = identity
        self.metrics = metrics
        self.log = log
        loops.serve(server)
        log.info("worker serves TLS", metadata: ["url": "https://\(settings.host):\(server.port)/v1"])
        metrics.set("aihub_worker_tls_certificate_expires", to: Double(identity.firstExpiry))
    }

    /// Checks the files of certificate and key every second until cancelled.
    package func refresh() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            switch identity.refresh() {
            case .loaded(let expiry):
                metrics.set("aihub_worker_tls_certificate_expires", to: Double(expiry))
                log.info("new certificate in use")
            case .refused(let reason):
                metrics.add("aihub_worker_tls_certificates_refused_total")
                log.error("new certificate rejected; the old one stays in use", metadata: ["reason": "\(reason)"])
            case nil: break
            }
        }
    }
}
