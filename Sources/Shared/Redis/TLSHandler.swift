internal import NIOCore
internal import TLS

/// Encrypts and decrypts between a channel and the handlers after it.
///
/// Nothing may be written before `established` succeeds. It fails if the server is not verified by the deadline.
final class TLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The most ciphertext or plaintext that is passed on at once.
    private static let pieceBytesMax = 32 << 10

    private let session: TLSSession
    private let deadline: NIODeadline
    private let promise: EventLoopPromise<Void>
    private var timer: Scheduled<Void>?
    /// Why the connection failed, once it has.
    private(set) var failure: TLSError?

    /// - Parameter timeout: how long connecting and handshake may take from now on.
    init(_ session: TLSSession, on eventLoop: any EventLoop, timeout: TimeAmount) {
        self.session = session
        deadline = .now() + timeout
        promise = eventLoop.makePromise()
    }

    deinit { promise.fail(failure ?? TLSError.endedInHandshake) }

    var established: EventLoopFuture<Void> { promise.futureResult }

    func channelActive(context: ChannelHandlerContext) {
        let box = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(deadline: deadline) {
            let (handler, context) = box.value
            handler.fail(.handshakeTimeout, context)
        }
        advance(context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        do throws(TLSError) {
            while failure == nil, let piece = bytes.readSlice(length: min(bytes.readableBytes, Self.pieceBytesMax)),
                piece.readableBytes > 0
            {
                try piece.withUnsafeReadableBytes { (raw) throws(TLSError) in try session.receive(raw) }
                if !session.isEstablished { advance(context) }
                if session.isEstablished { try read(context) }
            }
            send(context)
        } catch {
            fail(error, context)
        }
    }

    private func advance(_ context: ChannelHandlerContext) {
        do throws(TLSError) {
            let isComplete = try session.handshake()
            send(context)
            guard isComplete else { return }
            timer?.cancel()
            promise.succeed()
        } catch {
            fail(error, context)
        }
    }

    private func read(_ context: ChannelHandlerContext) throws(TLSError) {
        while true {
            var buffer = context.channel.allocator.buffer(capacity: Self.pieceBytesMax)
            var outcome = TLSSession.Read.nothing
            try buffer.withUnsafeMutableWritableBytes { (raw) throws(TLSError) in outcome = try session.read(into: raw)
            }
            switch outcome {
            case .bytes(let count):
                buffer.moveWriterIndex(forwardBy: count)
                context.fireChannelRead(wrapInboundOut(buffer))
            case .nothing: return
            case .ended: return context.close(promise: nil)
            }
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var bytes = unwrapOutboundIn(data)
        do throws(TLSError) {
            while bytes.readableBytes > 0 {
                let count = try bytes.withUnsafeReadableBytes { (raw) throws(TLSError) in try session.write(raw) }
                guard count > 0 else { throw .failed(reason: "written before the handshake was complete") }
                bytes.moveReaderIndex(forwardBy: count)
                let ciphertext = ByteBuffer(bytes: session.takeCiphertext())
                context.write(wrapOutboundOut(ciphertext), promise: bytes.readableBytes == 0 ? promise : nil)
            }
        } catch {
            promise?.fail(error)
            fail(error, context)
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode != .input, failure == nil {
            session.end()
            send(context)
        }
        context.close(mode: mode, promise: promise)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        promise.fail(failure ?? TLSError.endedInHandshake)
        context.fireChannelInactive()
    }

    private func send(_ context: ChannelHandlerContext) {
        let bytes = session.takeCiphertext()
        if !bytes.isEmpty { context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil) }
    }

    private func fail(_ error: TLSError, _ context: ChannelHandlerContext) {
        guard failure == nil else { return }
        failure = error
        timer?.cancel()
        // An alert tells the server why.
        send(context)
        promise.fail(error)
        context.close(promise: nil)
    }
}
