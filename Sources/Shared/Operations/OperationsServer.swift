package import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// The operations port of a process: `/livez`, `/readyz` and `/metrics`, never on the public port.
package struct OperationsServer: Sendable {
    /// The result of `/readyz`: ready, or the reasons why not.
    package enum Readiness: Sendable, Equatable {
        case ready
        case notReady([String])
    }

    /// The most concurrent connections; further ones are closed.
    ///
    /// They are counted separately from clients' connections, so that a fully loaded worker still reports that it is
    /// alive.
    private static let connectionsMax = 64
    /// How long a connection may stay without a request.
    private static let idle = TimeAmount.seconds(120)
    /// How long accepting pauses when no file descriptors are left.
    private static let acceptBackoff = TimeAmount.milliseconds(100)

    private let channel: any Channel
    package var port: Int { channel.localAddress?.port ?? 0 }

    /// - Parameter liveness: reasons to restart the process; empty while it is healthy.
    package static func start(
        host: String, port: Int, group: any EventLoopGroup, metrics: MetricsRegistry,
        liveness: @escaping @Sendable () -> [String] = { [] },
        readiness: @escaping @Sendable () -> Readiness
    ) async throws -> OperationsServer {
        let connections = ConnectionBound(max: connectionsMax)
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let backoff = AcceptBackoffHandler { _ in Self.acceptBackoff }
                    try channel.pipeline.syncOperations.addHandler(backoff)
                }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try connections.enter(channel)
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(IdleStateHandler(readTimeout: Self.idle))
                    try pipeline.addHandler(IdleCloser())
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(Handler(metrics: metrics, liveness: liveness, readiness: readiness))
                }
            }
            .bind(host: host, port: port).get()
        return OperationsServer(channel: channel)
    }

    /// Closes the listener; open connections end by themselves.
    package func stop() async { try? await channel.close() }
}

private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let metrics: MetricsRegistry
    private let liveness: @Sendable () -> [String]
    private let readiness: @Sendable () -> OperationsServer.Readiness
    private var path = ""

    init(
        metrics: MetricsRegistry, liveness: @escaping @Sendable () -> [String],
        readiness: @escaping @Sendable () -> OperationsServer.Readiness
    ) {
        self.metrics = metrics
        self.liveness = liveness
        self.readiness = readiness
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): path = head.uri
        case .body: break
        case .end:
            let (status, text) = answer()
            let headers: HTTPHeaders = [
                "content-type": "text/plain; version=0.0.4; charset=utf-8", "content-length": String(text.utf8.count),
            ]
            context.write(
                wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }

    private func answer() -> (HTTPResponseStatus, String) {
        switch path {
        case "/livez":
            let reasons = liveness()
            return reasons.isEmpty
                ? (.ok, "alive\n") : (.serviceUnavailable, reasons.joined(separator: "\n") + "\n")
        case "/metrics": return (.ok, metrics.exposition)
        case "/readyz":
            switch readiness() {
            case .ready: return (.ok, "ready\n")
            case .notReady(let reasons): return (.serviceUnavailable, reasons.joined(separator: "\n") + "\n")
            }
        default: return (.notFound, "try /livez, /readyz or /metrics\n")
        }
    }
}
