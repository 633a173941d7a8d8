import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// `scripted-provider PORT`: an OpenAI-compatible provider, and an Anthropic one under `/v1/messages`.
///
/// The model's name scripts its behaviour (`Script`), and it keeps a bill.
///
/// `GET /bill` shows what it charged per request ID, `DELETE /bill` clears it. For tests and manual use.
@main
struct ScriptedProvider {
    static func main() async throws {
        guard CommandLine.arguments.count == 2, let port = Int(CommandLine.arguments[1]) else {
            FileHandle.standardError.write(Data("usage: scripted-provider PORT\n".utf8))
            exit(64)
        }
        signal(SIGPIPE, SIG_IGN)
        let bill = Bill()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(ProviderHandler(bill: bill))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        print("scripted provider on http://127.0.0.1:\(channel.localAddress?.port ?? port)/v1")
        fflush(nil)
        try await channel.closeFuture.get()
    }
}
