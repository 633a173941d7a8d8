package import NIOCore
internal import NIOPosix
internal import TLS

/// One connection on one event loop with automatic pipelining: all calls of a loop iteration are sent in one write.
///
/// It never reconnects: calls in flight when it breaks fail with `connectionLost`, and the owner decides what that
/// means for accounting. Call all methods on `eventLoop`.
package final class RedisConnection: ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer
    package typealias Completion = (Result<RESPValue, RedisError>) -> Void

    /// The most calls waiting for replies. Further ones fail with `notConnected`, so that the caller sheds load.
    package static let waitersMax = 16_384

    private struct Waiter {
        var id: UInt64
        var completion: Completion?
    }

    package let eventLoop: any EventLoop
    private let onMessage: ((String) -> Void)?
    private let onClose: () -> Void
    private var reader: RESPReader
    private var channel: (any Channel)?
    private var pending = ByteBuffer()
    private var flushScheduled = false
    private var waiters: CircularBuffer<Waiter> = []
    private var lastID: UInt64 = 0
    private var closed = false
    private var isReady = false
    private var timeoutsSinceReply = 0

    /// Consecutive timeouts without any reply after which the peer is considered gone and the connection closed.
    private static let timeoutsMax = 3

    init(
        eventLoop: any EventLoop, replyBytesMax: Int, onMessage: ((String) -> Void)?, onClose: @escaping () -> Void
    ) {
        self.eventLoop = eventLoop
        self.onMessage = onMessage
        self.onClose = onClose
        reader = RESPReader(replyBytesMax: replyBytesMax)
    }

    /// Sends a command; `completion` runs exactly once on the loop.
    ///
    /// After `deadline` it gets `deadlineExceeded`, and a late reply is dropped.
    package func call(_ command: RedisCommand, deadline: TimeAmount, completion: @escaping Completion) {
        guard !closed, waiters.count < Self.waitersMax else { return completion(.failure(.notConnected)) }
        lastID &+= 1
        let id = lastID
        command.write(into: &pending)
        let box = NIOLoopBound(self, eventLoop: eventLoop)
        let timer = eventLoop.scheduleTask(in: deadline) { box.value.expire(id) }
        waiters.append(
            Waiter(id: id) { result in
                timer.cancel()
                completion(result)
            })
        scheduleFlush()
    }

    /// Closes the connection; calls in flight fail with `connectionLost`.
    package func close() { channel?.close(promise: nil) }

    private func scheduleFlush() {
        guard !flushScheduled else { return }
        flushScheduled = true
        let box = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { box.value.flush() }
    }

    private func flush() {
        flushScheduled = false
        guard let channel, pending.readableBytes > 0 else { return }
        let bytes = pending
        pending = ByteBuffer()
        channel.writeAndFlush(bytes, promise: nil)
    }

    private func expire(_ id: UInt64) {
        guard let first = waiters.first, id >= first.id else { return }
        let at = waiters.index(waiters.startIndex, offsetBy: Int(id - first.id))
        guard at < waiters.endIndex, let completion = waiters[at].completion else { return }
        waiters[at].completion = nil
        completion(.failure(.deadlineExceeded))
        timeoutsSinceReply += 1
        if timeoutsSinceReply >= Self.timeoutsMax { close() }
    }

    // MARK: Channel events

    package func handlerAdded(context: ChannelHandlerContext) { channel = context.channel }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        do {
            try bytes.withUnsafeReadableBytes { try reader.feed($0) }
            while let reply = try reader.next() { deliver(reply) }
        } catch {
            context.close(promise: nil)
        }
    }

    private func deliver(_ reply: RESPValue) {
        timeoutsSinceReply = 0
        if let onMessage, let parts = reply.array, parts.count == 3, parts[0].string == "message" {
            return onMessage(parts[2].string ?? "")
        }
        guard let waiter = waiters.popFirst() else { return }
        if case .error(let message) = reply {
            waiter.completion?(.failure(.refused(message)))
        } else {
            waiter.completion?(.success(reply))
        }
    }

    package func channelInactive(context: ChannelHandlerContext) {
        closed = true
        let lost = waiters
        waiters.removeAll()
        for waiter in lost { waiter.completion?(.failure(.connectionLost)) }
        if isReady { onClose() }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension RedisConnection {
    /// Connects, completes the TLS handshake if there is one, and authenticates. Call on `eventLoop`; the future
    /// completes there.
    ///
    /// - Parameters:
    ///   - replyBytesMax: the largest accepted reply in bytes.
    ///   - onMessage: receives pub/sub messages, for a connection that subscribes.
    ///   - onClose: runs once when an established connection is gone, but not when none could be made.
    ///   - timeout: for connecting, the TLS handshake included; the reply to the greeting has as long again.
    package static func connect(
        to endpoint: RedisEndpoint, on eventLoop: any EventLoop, timeout: TimeAmount = .seconds(2),
        replyBytesMax: Int = 1 << 20, onMessage: ((String) -> Void)? = nil, onClose: @escaping () -> Void = {}
    ) -> EventLoopFuture<NIOLoopBound<RedisConnection>> {
        let connection = RedisConnection(
            eventLoop: eventLoop, replyBytesMax: replyBytesMax, onMessage: onMessage, onClose: onClose)
        let box = NIOLoopBound(connection, eventLoop: eventLoop)
        let tls: NIOLoopBound<TLSHandler>?
        do {
            tls = try endpoint.tls.map {
                NIOLoopBound(
                    TLSHandler(try $0.session(for: endpoint.host), on: eventLoop, timeout: timeout),
                    eventLoop: eventLoop)
            }
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
        return ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(tls.value) }
                    try channel.pipeline.syncOperations.addHandler(box.value)
                }
            }
            .connect(host: endpoint.host, port: endpoint.port)
            .flatMap { channel in
                let secured = tls?.value.established ?? channel.eventLoop.makeSucceededVoidFuture()
                return secured.flatMap { box.value.greet(endpoint, timeout: timeout) }.map {
                    box.value.isReady = true
                    return box
                }.flatMapErrorThrowing { error in
                    channel.close(promise: nil)
                    // A server that asks for a client's certificate refuses it only after the handshake.
                    throw tls?.value.failure ?? error
                }
            }
    }

    private func greet(_ endpoint: RedisEndpoint, timeout: TimeAmount) -> EventLoopFuture<Void> {
        guard let greeting = endpoint.handshake.first else { return eventLoop.makeSucceededVoidFuture() }
        let promise = eventLoop.makePromise(of: Void.self)
        call(greeting, deadline: timeout) { result in
            promise.completeWith(result.map { _ in () }.mapError { $0 as any Error })
        }
        return promise.futureResult
    }
}
