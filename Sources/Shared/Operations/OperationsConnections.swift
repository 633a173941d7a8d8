internal import NIOCore
internal import Synchronization

/// Bounds the connections of the operations port: counted when accepted, and what finds no room is closed at once. They are counted
/// apart from those of callers, so that a worker full of callers still says that it is alive.
final class OperationsConnections: Sendable {
    /// Connections at once.
    static let max = 64
    /// How long a connection may ask nothing.
    static let idle = TimeAmount.seconds(120)
    /// How long accepting rests when there are no descriptors left.
    static let rest = TimeAmount.milliseconds(100)

    struct Full: Error {}

    private let count = Mutex(0)

    /// Counts a connection until it is closed.
    func enter(_ channel: any Channel) throws(Full) {
        let hasRoom = count.withLock { count in
            guard count < Self.max else { return false }
            count += 1
            return true
        }
        guard hasRoom else { throw Full() }
        channel.closeFuture.whenComplete { [self] _ in count.withLock { $0 -= 1 } }
    }
}

/// Closes a connection that has asked nothing for too long.
final class IdleCloser: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
