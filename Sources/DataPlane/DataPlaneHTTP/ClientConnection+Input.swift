internal import GatewayModel
internal import HTTPCodec
internal import Reactor
internal import RequestWalk

/// Input: from bytes to requests.
extension ClientConnection {
    /// Processes bytes that have arrived; what cannot be used yet is kept in `input`.
    func process(_ bytes: UnsafeRawBufferPointer) {
        isProcessing = true
        if input.isEmpty {
            let used = consume(bytes)
            if used < bytes.count, !isClosed {
                input.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[used...]))
            }
        } else {
            input.append(contentsOf: bytes)
            processBuffered()
        }
        isProcessing = false
        flush()
    }

    /// Continues with the kept input, after a response was sent.
    func resumeInput() {
        guard !isProcessing, !isClosed, !isResting, !input.isEmpty else { return }
        isProcessing = true
        processBuffered()
        isProcessing = false
        flush()
    }

    private func processBuffered() {
        let waiting = input
        input = []
        let used = waiting.withUnsafeBytes { consume($0) }
        if used < waiting.count, !isClosed { input = Array(waiting[used...]) }
    }

    private func consume(_ bytes: UnsafeRawBufferPointer) -> Int {
        var at = 0
        while at < bytes.count, !isClosed, !isResting || !isHeadNext {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[at...])
            do throws(HTTPParseError) {
                let used = try consumeNext(rest)
                if used == 0 { return at }
                at += used
            } catch {
                refuse(Self.error(for: error))
                return bytes.count
            }
        }
        return at
    }

    /// Whether no new request may start for now. Its bytes stay in the socket or in `input`.
    var isResting: Bool { deadlines.isSet(Deadline.rest) && !isClosing }

    /// Whether the connection is between two requests.
    var isHeadNext: Bool { if case .head = reading { true } else { false } }

    private func consumeNext(_ bytes: UnsafeRawBufferPointer) throws(HTTPParseError) -> Int {
        switch reading {
        case .proxyHeader:
            guard let (named, count) = try ProxyHeader.parse(bytes) else { return 0 }
            reading = .head
            apply(named)
            return count
        case .head:
            if !parser.hasBegun { set(Deadline.head, afterMs: bounds.headMs) }
            guard let (head, count) = try parser.parse(bytes) else { return 0 }
            begin(head)
            return count
        case .length(let left):
            let count = min(left, bytes.count)
            reading = .length(left - count)
            receive(Array(UnsafeRawBufferPointer(rebasing: bytes[..<count])))
            if left == count { endRequest() }
            return count
        case .chunked(var decoder):
            reading = .complete
            var out: [UInt8] = []
            let count = try decoder.decode(bytes, into: &out)
            if case .complete = reading { reading = .chunked(decoder) }
            if !out.isEmpty { receive(out) }
            if decoder.isDone { endRequest() }
            return count
        case .complete: return 0
        case .discard:
            bodyBytes += bytes.count
            if bodyBytes > bounds.drainBytesMax { close() }
            return bytes.count
        }
    }

    private func apply(_ named: ProxyHeader.Address) {
        switch named {
        case .none: return
        case .text(let text, let isIPv6):
            address = PeerAddress(text)
            guard address != nil, text.utf8.contains(UInt8(ascii: ":")) == isIPv6 else {
                address = nil
                return refuse(GatewayError(.invalidRequest, "The PROXY header names no address."))
            }
        case .bytes(let bytes): address = PeerAddress(bytes: bytes)
        }
        guard let address, let slot, !slot.count(for: address) else { return }
        refuse(Self.tooManyConnections)
    }

    private func begin(_ head: HTTPHead) {
        deadlines.cancel(Deadline.head)
        keepAlive = head.keepAlive && !services.isDraining
        isHead = head.method == "HEAD"
        isHTTP10 = head.isHTTP10
        forwardedFor = head.forwardedFor
        bodyBytes = 0
        switch head.body {
        case .none, .length(0): reading = .complete
        case .length(let count): reading = .length(count)
        case .chunked: reading = .chunked(ChunkedBody(bodyBytesMax: bounds.bodyBytesMax))
        }
        if services.isOverloaded {
            return refuse(GatewayError(.overloaded, "This worker is short of memory. Retry.", retryAfterMs: 1_000))
        }
        let running = RunningWalk(services.makeContext())
        walk = running
        let isComplete = requestIsComplete
        var known = RequestHead(head)
        let isPlain = head.apiKeys.isEmpty
        if isPlain, head.authorization == lastAuthorization { known.digests = lastDigests }
        feed(.head(known))
        if isPlain, known.digests.isEmpty {
            lastAuthorization = head.authorization
            lastDigests = running.digests
        }
        guard isBusy else { return }
        // A pipelined request may begin while the previous response is still unread.
        if callerIsBlocked { feed(.clientBlocked) }
        if isComplete { return feed(.bodyEnd) }
        guard holdBody(of: running, length: head.contentLength) else { return }
        startBodyPace()
        if head.expectsContinue { output.write { $0.append("HTTP/1.1 100 Continue\r\n\r\n") } }
    }

    var requestIsComplete: Bool { if case .complete = reading { true } else { false } }

    private func receive(_ bytes: [UInt8]) {
        bodyBytes += bytes.count
        if isBusy, growBody(by: bytes.count) { feed(.body(bytes)) }
    }

    private func endRequest() {
        // The request was refused meanwhile, so the rest of its bytes are dropped.
        if case .discard = reading { return }
        reading = .complete
        deadlines.cancel(Deadline.body)
        bodyPace = nil
        if let heldBody { services.bodies.complete(heldBody) }
        if isBusy { feed(.bodyEnd) } else { prepareForNext() }
    }

    /// The response is written and the request complete: makes the connection ready for the next one.
    func prepareForNext() {
        guard keepAlive, !isClosing else { return }
        walk = nil
        reading = .head
        set(Deadline.head, afterMs: bounds.idleMs)
        if !isResting { resumeInput() }
    }

    /// Refuses a malformed or too slow request: one error response, then the connection is closed.
    func refuse(_ error: GatewayError) {
        keepAlive = false
        guard isBusy else {
            isHead = false
            write(RequestWalk(services.makeContext()).errorResponse(error), close: true)
            if !isProcessing { flush() }
            return
        }
        feed(.requestBroken(error))
    }

    private static func error(for parseError: HTTPParseError) -> GatewayError {
        switch parseError {
        case .malformed(let what): GatewayError(.invalidRequest, "The request is not valid HTTP/1.1: \(what).")
        case .headTooLarge:
            GatewayError(.headersTooLarge, "The request head is larger than 16 KiB or has more than 100 fields.")
        case .targetTooLong: GatewayError(.targetTooLong, "The request target is longer than 8 KiB.")
        case .bodyTooLarge: GatewayError(.requestTooLarge, "The body is larger than 20 MiB.")
        }
    }
}

extension RequestHead {
    init(_ head: HTTPHead) {
        self.init(
            method: head.method, target: head.target, authorization: head.authorization, contentType: head.contentType,
            contentEncoding: head.contentEncoding, contentLength: head.contentLength, corsHeaders: head.corsHeaders,
            expectsContinue: head.expectsContinue,
            hasBody: head.body != .none && head.body != .length(0))
        apiKeys = head.apiKeys
        clientRequestID = head.clientRequestID
        cacheControl = head.cacheControl
        hasOrigin = head.hasOrigin
        acceptsTrailers = head.acceptsTrailers
    }
}
