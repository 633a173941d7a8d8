internal import Admission
internal import GatewayModel
package import NIOCore
package import NIOHTTP1
internal import RequestWalk

/// Carries out the walks of one connection, one request after the other: turns what arrives into events, and the walk's
/// actions into writes, calls and timers. No decision is made here.
package final class RequestHandler: ChannelInboundHandler {
    package typealias InboundIn = HTTPServerRequestPart
    package typealias OutboundOut = HTTPServerResponsePart

    private let services: any RequestServices
    private var context: ChannelHandlerContext?
    private var walk: RequestWalk?
    private var keepAlive = true
    private var isHead = false
    private var requestComplete = false
    private var isHTTP10 = false
    private var attempts: [Int: any UpstreamAttempt] = [:]
    private var timers: [WalkTimer: Scheduled<Void>] = [:]
    private var needsFlush = false

    package init(services: any RequestServices) { self.services = services }

    package var isBusy: Bool { walk.map { !$0.isFinished } ?? false }

    /// Closes an idle connection; a busy one closes after its answer.
    package func drain() {
        keepAlive = false
        if !isBusy { context?.close(promise: nil) }
    }

    /// Cuts whatever is running, cleanly.
    package func shutDown() {
        if isBusy { feed(.shutdown) } else { context?.close(promise: nil) }
    }

    // MARK: Channel events

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        services.opened(self)
    }

    package func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            // After an upgrade request NIO's decoder stops parsing: the connection serves this one answer.
            keepAlive = head.isKeepAlive && !services.isDraining && !head.headers.contains(name: "upgrade")
            isHead = head.method == .HEAD
            isHTTP10 = head.version == .http1_0
            requestComplete = false
            walk = RequestWalk(services.makeContext())
            feed(.head(Self.head(head)))
        case .body(let bytes): if isBusy { feed(.body(Array(bytes.readableBytesView))) }
        case .end:
            requestComplete = true
            if isBusy { feed(.bodyEnd) }
        }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if isBusy { feed(context.channel.isWritable ? .clientReady : .clientBlocked) }
        context.fireChannelWritabilityChanged()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        if isBusy { feed(.clientGone) }
        services.closed(self)
        context.fireChannelInactive()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let flaw = error as? HTTPParserError, !isBusy else { return context.close(promise: nil) }
        // Bytes that are no request: one answer in our shape, then the connection is of no more use.
        keepAlive = false
        requestComplete = false
        walk = nil
        let failure =
            flaw == .headerOverflow
            ? GatewayError(.headersTooLarge, "The head of the request is too large.")
            : GatewayError(.invalidRequest, "The request is not valid HTTP/1.1.", detail: "\(flaw)")
        write(RequestWalk(services.makeContext()).errorResponse(failure), close: true)
        flush()
    }

    private static func head(_ head: HTTPRequestHead) -> RequestHead {
        RequestHead(
            method: head.method.rawValue, target: head.uri, authorization: head.headers["authorization"],
            contentType: head.headers.first(name: "content-type"),
            contentEncoding: head.headers.first(name: "content-encoding"),
            contentLength: head.headers.first(name: "content-length").flatMap { Int($0) },
            corsHeaders: head.headers.first(name: "access-control-request-headers"))
    }

    // MARK: The walk

    private func feed(_ event: WalkEvent) {
        guard let id = walk?.id, let actions = walk?.handle(event, at: Self.nowMs()) else { return }
        for action in actions { carryOut(action, for: id) }
        flush()
    }

    private static func nowMs() -> Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }

    /// A reply that arrives after its request has ended finds another walk here, or none, and is dropped.
    private func feed(_ event: WalkEvent, for id: RequestID) {
        guard walk?.id == id else { return }
        feed(event)
    }

    private func carryOut(_ action: WalkAction, for id: RequestID) {
        switch action {
        case .lookUpKey(let digests, let fresh):
            services.lookUpKey(digests: digests, fresh: fresh) { [weak self] in self?.feed(.keyFound($0), for: id) }
        case .peek(let key):
            services.peek(PeekVerdict.call(for: key)) { [weak self] in self?.feed(.peeked($0), for: id) }
        case .admit(let request):
            services.admit(request) { [weak self] in self?.feed(.admitAnswered($0), for: id) }
        case .startAttempt(let request):
            attempts[request.attempt] = services.startAttempt(request) { [weak self] in self?.feed($0, for: id) }
        case .cancelAttempt(let number): attempts.removeValue(forKey: number)?.cancel()
        case .releaseAttempt(let number): attempts.removeValue(forKey: number)?.release()
        case .pauseAttempt(let number): attempts[number]?.pause()
        case .resumeAttempt(let number): attempts[number]?.resume()
        case .restDeployment(let name, let milliseconds): services.rest(deployment: name, forMs: milliseconds)
        case .respond(let response, let close): write(response, close: close)
        case .respondHead(let status, let headers): writeHead(status, headers)
        case .respondBytes(let bytes): writeBytes(bytes)
        case .respondEnd(let trailers): writeEnd(trailers)
        case .setTimer(let timer, let milliseconds): set(timer, milliseconds, for: id)
        case .cancelTimer(let timer): timers.removeValue(forKey: timer)?.cancel()
        case .reportProgress(let report): services.reportProgress(report)
        case .settle(let request): services.settle(request)
        case .finished(let report):
            attempts.removeAll()
            services.finished(report)
        }
    }

    private func set(_ timer: WalkTimer, _ milliseconds: Int64, for id: RequestID) {
        timers.removeValue(forKey: timer)?.cancel()
        guard let context else { return }
        let box = NIOLoopBound(self, eventLoop: context.eventLoop)
        timers[timer] = context.eventLoop.scheduleTask(in: .milliseconds(milliseconds)) {
            box.value.timers[timer] = nil
            box.value.feed(.timer(timer), for: id)
        }
    }

    // MARK: Writes

    private func write(_ response: Response, close: Bool) {
        if close || !requestComplete { keepAlive = false }
        var headers = response.headers
        if response.status != 204 { headers.append(("content-length", String(response.body.count))) }
        writeHead(response.status, headers)
        if !isHead { writeBytes(response.body) }
        writeEnd([])
    }

    private func writeHead(_ status: Int, _ headers: [(String, String)]) {
        guard let context else { return }
        var fields = HTTPHeaders(headers)
        // HTTP/1.0 knows no chunks: the end of a stream is the end of the connection.
        if isHTTP10, !fields.contains(name: "content-length") { keepAlive = false }
        if !keepAlive { fields.add(name: "connection", value: "close") }
        let head = HTTPResponseHead(
            version: isHTTP10 ? .http1_0 : .http1_1, status: HTTPResponseStatus(statusCode: status), headers: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        needsFlush = true
    }

    private func writeBytes(_ bytes: [UInt8]) {
        guard let context, !bytes.isEmpty else { return }
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
        needsFlush = true
    }

    private func writeEnd(_ trailers: [(String, String)]) {
        guard let context else { return }
        let end = HTTPServerResponsePart.end(trailers.isEmpty || isHTTP10 ? nil : HTTPHeaders(trailers))
        if keepAlive {
            context.write(wrapOutboundOut(end), promise: nil)
        } else {
            let box = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.write(wrapOutboundOut(end)).whenComplete { _ in box.value.0.leave(box.value.1) }
        }
        needsFlush = true
    }

    /// Closes after an answer. While the caller is still sending, closing at once would answer his bytes with a reset that
    /// may overtake the answer (RFC 9112 §9.6): our side is closed, what still comes is dropped, and then the rest.
    private func leave(_ context: ChannelHandlerContext) {
        guard !requestComplete else { return context.close(promise: nil) }
        let box = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.close(mode: .output, promise: nil)
        context.eventLoop.scheduleTask(in: Self.lingerTime) { box.value.close(promise: nil) }
    }

    /// How long bytes are dropped behind an answer that came before the end of its request.
    private static let lingerTime = TimeAmount.seconds(1)

    private func flush() {
        guard needsFlush else { return }
        needsFlush = false
        context?.flush()
    }
}
