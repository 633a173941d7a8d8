package import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// The public port: HTTP/1.1 over the loops of a group, a `RequestHandler` for each connection.
package struct PublicServer: Sendable {
    /// How much unsent data makes a caller count as blocked, and how little as ready again, in bytes.
    private static let writeBufferWaterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 64 << 10, high: 192 << 10)

    package let channel: any Channel

    /// - Parameter services: gives the services of the loop it is called on.
    package static func start(
        host: String, port: Int, group: any EventLoopGroup,
        services: @escaping @Sendable (any EventLoop) -> any RequestServices
    ) async throws -> PublicServer {
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: writeBufferWaterMark)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    // A caller who does not read his answers is not read either.
                    try pipeline.addHandler(BackPressureHandler())
                    try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: false)
                    try pipeline.addHandler(RequestHandler(services: services(channel.eventLoop)))
                }
            }
            .bind(host: host, port: port).get()
        return PublicServer(channel: channel)
    }

    package var port: Int { channel.localAddress?.port ?? 0 }
}
