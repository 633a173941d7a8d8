package import NIOCore
internal import Synchronization

/// Limits the connections of a port, counted from accept on, so that silent ones count too.
package final class ConnectionBound: Sendable {
    package struct Full: Error {}

    private let max: Int
    private let count = Mutex(0)

    /// - Parameter max: the most open connections of the port.
    package init(max: Int) { self.max = max }

    /// Counts a connection until it is closed.
    package func enter(_ channel: any Channel) throws(Full) {
        let hasRoom = count.withLock { count in
            guard count < max else { return false }
            count += 1
            return true
        }
        guard hasRoom else { throw Full() }
        channel.closeFuture.whenComplete { [self] _ in count.withLock { $0 -= 1 } }
    }
}

/// Closes a connection that has sent no request for too long.
final class IdleCloser: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
