internal import NIOCore
internal import Operations

/// One connection of the admin port: counted when accepted, before any handshake, and closed at once where there is no room.
final class AdminConnection: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let bound: ConnectionBound
    private var hasRoom = true

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
}
