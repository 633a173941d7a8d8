internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes
internal import Operations

/// One connection of the admin port.
///
/// It is counted when accepted, before any handshake, and closed at once if the port is full.
///
/// A response sent before the request body has arrived, such as a 401, is the connection's last. The rest of the body
/// is read and discarded up to a limit, so that a client that sends first can read the response; then the connection
/// closes.
final class AdminConnection: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    static let droppedBytesMax = 1 << 20
    static let droppingFor = TimeAmount.seconds(5)

    private let bound: ConnectionBound
    private var hasRoom = true
    /// Requests whose body has fully arrived, and requests that have been answered.
    private var received = 0
    private var answered = 0
    /// The response being written is the last one.
    private var isLast = false
    /// The last response has been sent; further input is discarded.
    private var isDropping = false
    private var droppedBytes = 0

    init(bound: ConnectionBound) { self.bound = bound }

    func handlerAdded(context: ChannelHandlerContext) {
        do {
            try bound.enter(context.channel)
        } catch {
            hasRoom = false
            if context.channel.isActive { context.close(promise: nil) }
        }
    }

    func channelActive(context: ChannelHandlerContext) {
        guard hasRoom else { return context.close(promise: nil) }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        guard !isDropping else { return drop(part, context) }
        if case .end = part { received += 1 }
        context.fireChannelRead(data)
    }

    private func drop(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        guard case .body(let bytes) = part else { return context.close(promise: nil) }
        droppedBytes += bytes.readableBytes
        if droppedBytes > Self.droppedBytesMax { Self.abandon(context.channel) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where received <= answered:
            isLast = true
            head.headerFields[.connection] = "close"
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            answered += 1
            guard isLast else { return context.write(data, promise: promise) }
            context.writeAndFlush(data, promise: promise)
            end(context)
        default: context.write(data, promise: promise)
        }
    }

    private func end(_ context: ChannelHandlerContext) {
        guard received < answered else { return context.close(promise: nil) }
        isDropping = true
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        channel.eventLoop.scheduleTask(in: Self.droppingFor) { Self.abandon(channel) }
    }

    /// Stops reading, then closes: a TLS close waits some seconds for close_notify and would read on meanwhile.
    private static func abandon(_ channel: any Channel) {
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        channel.close(promise: nil)
    }
}
