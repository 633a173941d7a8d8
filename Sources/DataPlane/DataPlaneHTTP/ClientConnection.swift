internal import Admission
internal import GatewayModel
internal import HTTPCodec
package import Reactor
internal import RequestWalk

/// One client connection: one request after the other, each with its own walk.
///
/// Translates bytes to events, and actions to bytes, calls and deadlines. All decisions about a request are made in the
/// walk.
package final class ClientConnection: EventSource {
    /// What the next input bytes are.
    enum Reading {
        /// The PROXY header, in which a trusted proxy names the client.
        case proxyHeader
        case head
        case length(Int)
        case chunked(ChunkedBody)
        /// The request is complete; further bytes belong to the next one and wait.
        case complete
        /// The response was sent before the request was complete: further bytes are dropped.
        case discard
    }

    let services: any RequestServices
    let descriptor: Int32
    let reactor: Reactor
    let bounds: Bounds
    /// Released when the descriptor is closed; `nil` where the TLS front holds it.
    let slot: ConnectionSlot?
    /// The address of the client, or of a proxy in front; `nil` until a PROXY header has named it.
    var address: PeerAddress?
    /// `X-Forwarded-For` of the current request.
    var forwardedFor: String?
    var parser: HeadParser
    var reading = Reading.head
    /// Bytes that have arrived and wait.
    var input: [UInt8] = []
    var output = OutputBuffer()
    var deadlines = Deadlines()
    var walk: RunningWalk?
    /// The last well-formed `Authorization` and its digests: most clients send the same one every time.
    var lastAuthorization: String?
    var lastDigests: [String] = []
    /// A reusable buffer for a walk's actions.
    var spareActions: [WalkAction] = []
    var attempts: [Int: any UpstreamAttempt] = [:]
    var keepAlive = true
    var isHead = false
    var isHTTP10 = false
    var isChunkedAnswer = false
    /// The pace of the current request's body.
    var bodyPace: BodyPace?
    /// The current request's body in the `BodyBudget`, as long as it is held.
    var heldBody: HeldBody?
    var bodyBytes = 0
    var isClosing = false
    var isClosed = false
    /// Inside `process`: output is flushed once, after all input was processed.
    var isProcessing = false
    var callerIsBlocked = false
    var interest = Readiness.readable | .hungUp

    /// - Parameters:
    ///   - address: the client's; `nil` if a PROXY header will name it.
    ///   - slot: the connection's slot in the counter, if it is released here.
    package init(
        _ descriptor: Int32, from address: PeerAddress?, hasProxyHeader: Bool = false, slot: ConnectionSlot? = nil,
        services: any RequestServices
    ) {
        self.services = services
        self.descriptor = descriptor
        self.address = address
        self.slot = slot
        if hasProxyHeader { reading = .proxyHeader }
        reactor = services.reactor
        bounds = services.bounds
        parser = HeadParser(
            HeadBounds(
                bytesMax: bounds.headBytesMax, fieldsMax: bounds.headFieldsMax, targetBytesMax: bounds.targetBytesMax))
    }

    /// Starts serving the connection.
    package func open() {
        Socket.tune(descriptor, unsentBytes: Int32(bounds.unsentBytesHigh))
        reactor.watch(descriptor, for: interest, self)
        services.opened(self)
        set(Deadline.head, afterMs: bounds.headMs)
    }

    /// Whether a response is still to come or to be sent.
    package var isUnfinished: Bool { isBusy || output.unsent > 0 }

    package var isBusy: Bool { walk.map { !$0.isFinished } ?? false }

    /// Closes an idle connection; a busy one closes after its answer.
    package func drain() {
        keepAlive = false
        guard !isBusy, !isClosing else { return }
        isClosing = true
        if output.unsent == 0 { close() }
    }

    /// Ends the current request cleanly.
    package func shutDown() {
        if isBusy { feed(.shutdown) } else { close() }
    }

    func close() { end(Socket.close) }

    /// Closes with a reset; unsent output is dropped.
    func abort() { end(Socket.abort) }

    private func end(_ closing: (Int32) -> Void) {
        guard !isClosed else { return }
        isClosed = true
        reactor.unwatch(descriptor)
        closing(descriptor)
        if isBusy { feed(.clientGone) }
        if !isBusy { releaseBody() }
        services.closed(self)
        slot?.release()
    }

    // MARK: Readiness

    package func ready(_ readiness: Readiness) {
        if readiness.has(.writable) { flush() }
        guard !isClosed, readiness.has(.readable | .hungUp) else { return }
        if interest.has(.readable) { receive() } else if readiness.has(.hungUp) { close() }
    }

    private static let readsPerTurn = 4

    private func receive() {
        for _ in 0..<Self.readsPerTurn {
            let buffer = services.readBuffer
            switch Socket.receive(descriptor, into: buffer) {
            case .wouldBlock: return
            case .ended: return close()
            case .bytes(let count):
                process(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                guard !isClosed, count == buffer.count, interest.has(.readable) else { return }
            }
        }
    }

    func updateInterest() {
        guard !isClosed else { return }
        var wanted = Readiness.hungUp
        if isClosing || input.count < bounds.aheadBytesMax, !callerIsBlocked, !isResting || !isHeadNext {
            wanted = wanted | .readable
        }
        if output.unsent > 0 { wanted = wanted | .writable }
        guard wanted != interest else { return }
        interest = wanted
        reactor.change(descriptor, to: wanted)
    }

    // MARK: Deadlines

    private static let deadlineMsMax: Int64 = 86_400_000

    func set(_ which: Int, afterMs: Int64) {
        // Catalogues may contain absurd times.
        let at = reactor.nowMs + min(max(0, afterMs), Self.deadlineMsMax)
        if deadlines.set(which, atMs: at) { reactor.wake(descriptor, atMs: at) }
    }

    package func deadlineReached() {
        while !isClosed, let which = deadlines.popDue(reactor.nowMs) { fired(which) }
        guard !isClosed, let next = deadlines.nextWake(reactor.nowMs) else { return }
        reactor.wake(descriptor, atMs: next)
    }

    private func fired(_ which: Int) {
        switch which {
        case Deadline.head:
            guard parser.hasBegun else { return close() }
            refuse(GatewayError(.requestTimeout, "The head of the request did not arrive in time."))
        case Deadline.body: checkBodyPace()
        case Deadline.writeStall: abort()
        case Deadline.linger: close()
        case Deadline.rest:
            resumeInput()
            updateInterest()
        default: if let timer = WalkTimer(rawValue: which) { feed(.timer(timer)) }
        }
    }
}
