internal import Glibc
package import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import NIOTLS
internal import Synchronization

/// Terminates TLS on event loops of NIO.
///
/// Each connection is joined to one end of a local socket pair; a reactor serves the other end like any connection.
/// Accepting and counting connections is the caller's job.
package final class TLSFront: Sendable {
    private let identity: TLSIdentity
    private let deadlines: Deadlines
    private let group: any EventLoopGroup
    private let joined = OpenCount()

    /// How long a connection may keep its descriptors without progress, in milliseconds.
    package struct Deadlines: Sendable {
        /// For the TLS handshake, from accepting to its last byte.
        package var handshakeMs: Int64
        /// For a client that stops reading the last bytes after the reactor has closed its end.
        package var lastBytesMs: Int64

        package init(handshakeMs: Int64, lastBytesMs: Int64) {
            self.handshakeMs = handshakeMs
            self.lastBytesMs = lastBytesMs
        }
    }

    package init(identity: TLSIdentity, deadlines: Deadlines, group: any EventLoopGroup) {
        self.identity = identity
        self.deadlines = deadlines
        self.group = group
    }

    /// Takes ownership of an accepted connection.
    ///
    /// - Parameters:
    ///   - adopt: receives, after the handshake, a descriptor to serve and own.
    ///   - ended: called when the connection's descriptor is closed; possibly more than once.
    package func serve(
        _ descriptor: Int32, adopt: @escaping @Sendable (Int32) -> Void, ended: @escaping @Sendable () -> Void
    ) {
        ClientBootstrap(group: group)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { [identity, deadlines, joined] channel in
                channel.closeFuture.whenComplete { _ in ended() }
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLServerHandler(context: identity.context))
                    try pipeline.addHandler(Handshake(deadlines: deadlines, count: joined, adopt: adopt))
                }
            }
            .withConnectedSocket(descriptor)
            .whenFailure { _ in ended() }
    }

    /// Connections that are being served or flush their last bytes.
    package var open: Int { joined.value }
}

/// Waits for the handshake, then joins the channel to a socket pair. Closes the channel on timeout.
private final class Handshake: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let deadlines: TLSFront.Deadlines
    private let count: OpenCount
    private let adopt: @Sendable (Int32) -> Void
    private var timer: Scheduled<Void>?
    /// Bytes that arrived directly after the handshake.
    private var early: [ByteBuffer] = []

    init(deadlines: TLSFront.Deadlines, count: OpenCount, adopt: @escaping @Sendable (Int32) -> Void) {
        self.deadlines = deadlines
        self.count = count
        self.adopt = adopt
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: .milliseconds(deadlines.handshakeMs)) { channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { early.append(unwrapInboundIn(data)) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted = event as? TLSUserEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        timer?.cancel()
        join(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func join(_ context: ChannelHandlerContext) {
        var pair: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &pair) == 0 else { return context.close(promise: nil) }
        let (inner, outer) = (pair[0], pair[1])
        // Nothing more is read from the client until there is somewhere to write it.
        let box = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.channel.setOption(.autoRead, value: false).flatMap {
            ClientBootstrap(group: box.value.1.eventLoop).withConnectedSocket(inner)
        }.whenComplete { [adopt] result in
            let (handshake, context) = box.value
            guard case .success(let channel) = result else {
                Glibc.close(outer)
                return context.close(promise: nil)
            }
            handshake.count.add(1)
            context.channel.closeFuture.whenComplete { [count = handshake.count] _ in count.add(-1) }
            adopt(outer)
            handshake.pipe(context, into: channel)
        }
    }

    private func pipe(_ context: ChannelHandlerContext, into inner: any Channel) {
        let caller = Half(lastBytesMs: deadlines.lastBytesMs)
        let served = Half(lastBytesMs: deadlines.lastBytesMs)
        caller.partner = served
        served.partner = caller
        do {
            try inner.pipeline.syncOperations.addHandler(served)
            try context.pipeline.syncOperations.addHandler(caller)
        } catch {
            inner.close(promise: nil)
            return context.close(promise: nil)
        }
        for bytes in early { served.write(bytes) }
        early = []
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
        context.channel.setOption(.autoRead, value: true).whenFailure { _ in }
    }
}

/// One side of two joined channels on one loop. Writes what the other side reads, and limits how fast that one reads.
private final class Half: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    var partner: Half?
    private let lastBytesMs: Int64
    private var context: ChannelHandlerContext?
    private var wantsRead = false
    private var nextLook: Scheduled<Void>?

    init(lastBytesMs: Int64) { self.lastBytesMs = lastBytesMs }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) {
        nextLook?.cancel()
        self.context = nil
        partner = nil
    }

    func write(_ bytes: ByteBuffer) { context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }

    private var canTakeMore: Bool { context?.channel.isWritable ?? false }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { partner?.write(unwrapInboundIn(data)) }

    /// Delayed while the other side cannot accept more.
    func read(context: ChannelHandlerContext) {
        if partner?.canTakeMore == true { context.read() } else { wantsRead = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { partner?.resumeReading() }
        context.fireChannelWritabilityChanged()
    }

    private func resumeReading() {
        guard wantsRead else { return }
        wantsRead = false
        context?.read()
    }

    func channelInactive(context: ChannelHandlerContext) {
        partner?.closeAfterWrites()
        context.fireChannelInactive()
    }

    /// Closes once pending writes have reached the other end, as long as that keeps reading.
    private func closeAfterWrites() {
        guard let context else { return }
        let box = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in box.value.close(promise: nil) }
        closeUnlessProgress(context, unsent: .max)
    }

    private func closeUnlessProgress(_ context: ChannelHandlerContext, unsent before: Int) {
        let box = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let channel = context.channel
        let unsent = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        guard channel.isActive else { return }
        guard unsent < before else { return context.close(promise: nil) }
        nextLook = context.eventLoop.scheduleTask(in: .milliseconds(lastBytesMs)) {
            let (half, context) = box.value
            half.closeUnlessProgress(context, unsent: unsent)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// The number of joined connections, readable from any thread.
private final class OpenCount: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .relaxed) }
    func add(_ change: Int) { count.add(change, ordering: .relaxed) }
}
