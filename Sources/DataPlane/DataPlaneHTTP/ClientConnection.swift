internal import Admission
internal import GatewayModel
internal import HTTPCodec
package import Reactor
internal import RequestWalk

/// One connection of a caller: one request after the other, each carried out by its walk. Here bytes become events and
/// actions become bytes, calls and deadlines; no decision about a request is made here.
package final class ClientConnection: EventSource {
    /// What the bytes that arrive are.
    enum Reading {
        /// What a trusted proxy says of the caller.
        case proxyHeader
        case head
        case length(Int)
        case chunked(ChunkedBody)
        /// The request is complete; what comes is the next one, and waits.
        case ahead
        /// The answer is out before its request: what still comes is dropped.
        case dropped
    }

    let services: any RequestServices
    let descriptor: Int32
    let reactor: Reactor
    let bounds: Bounds
    /// Given back when the descriptor is closed; `nil` where the TLS in front has the place.
    let place: ConnectionPlace?
    /// The caller's address, or that of a proxy in front; `nil` until a PROXY header has named it.
    var address: PeerAddress?
    /// What the request under way says of it, by `X-Forwarded-For`.
    var forwardedFor: String?
    var parser: HeadParser
    var reading = Reading.head
    /// Bytes that have arrived and wait.
    var input: [UInt8] = []
    var output = OutputBuffer()
    var deadlines = Deadlines()
    var walk: RunningWalk?
    /// The last `Authorization` whose form was good, and its digests: most callers send the same one on and on.
    var lastAuthorization: String?
    var lastDigests: [String] = []
    /// Room for a walk's actions, used again and again.
    var spareActions: [WalkAction] = []
    var attempts: [Int: any UpstreamAttempt] = [:]
    var keepAlive = true
    var isHead = false
    var isHTTP10 = false
    var isChunkedAnswer = false
    /// How fast the body under way arrives.
    var bodyPace: BodyPace?
    /// The body of the request under way, as long as it is held.
    var heldBody: HeldBody?
    var bodyBytes = 0
    var isClosing = false
    var isClosed = false
    /// Inside `take`: what the walk writes leaves when all that arrived was taken.
    var isTaking = false
    var callerIsBlocked = false
    var interest = Readiness.readable | .hungUp

    /// - Parameters:
    ///   - address: the caller's; `nil` when a PROXY header is about to name it.
    ///   - place: the connection's, when it is to be given back here.
    package init(
        _ descriptor: Int32, from address: PeerAddress?, hasProxyHeader: Bool = false, place: ConnectionPlace? = nil,
        services: any RequestServices
    ) {
        self.services = services
        self.descriptor = descriptor
        self.address = address
        self.place = place
        if hasProxyHeader { reading = .proxyHeader }
        reactor = services.reactor
        bounds = services.bounds
        parser = HeadParser(
            HeadBounds(
                bytesMax: bounds.headBytesMax, fieldsMax: bounds.headFieldsMax, targetBytesMax: bounds.targetBytesMax))
    }

    /// Begins to serve it.
    package func open() {
        Socket.tune(descriptor, unsentBytes: Int32(bounds.unsentBytesHigh))
        reactor.watch(descriptor, for: interest, self)
        services.opened(self)
        set(Deadline.head, afterMs: bounds.headMs)
    }

    /// Whether something of an answer is still to come or to be sent.
    package var isUnfinished: Bool { isBusy || output.unsent > 0 }

    package var isBusy: Bool { walk.map { !$0.isFinished } ?? false }

    /// Closes an idle connection; a busy one closes after its answer.
    package func drain() {
        keepAlive = false
        guard !isBusy, !isClosing else { return }
        isClosing = true
        if output.unsent == 0 { close() }
    }

    /// Cuts whatever is running, cleanly.
    package func shutDown() {
        if isBusy { feed(.shutdown) } else { close() }
    }

    func close() { end(Socket.close) }

    /// The caller is given up: what is unsent is dropped.
    func abort() { end(Socket.abort) }

    private func end(_ closing: (Int32) -> Void) {
        guard !isClosed else { return }
        isClosed = true
        reactor.unwatch(descriptor)
        closing(descriptor)
        if isBusy { feed(.clientGone) }
        if !isBusy { releaseBody() }
        services.closed(self)
        place?.leave()
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
                take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
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
        // A catalogue may name absurd times.
        let at = reactor.nowMs + min(max(0, afterMs), Self.deadlineMsMax)
        if deadlines.set(which, atMs: at) { reactor.wake(descriptor, atMs: at) }
    }

    package func deadlineReached() {
        while !isClosed, let which = deadlines.takeDue(reactor.nowMs) { passed(which) }
        guard !isClosed, let next = deadlines.nextWake(reactor.nowMs) else { return }
        reactor.wake(descriptor, atMs: next)
    }

    private func passed(_ which: Int) {
        switch which {
        case Deadline.head:
            guard parser.hasBegun else { return close() }
            refuse(GatewayError(.requestTimeout, "The head of the request did not arrive in time."))
        case Deadline.body: judgeBodyPace()
        case Deadline.writeStall: abort()
        case Deadline.linger: close()
        case Deadline.rest:
            resumeInput()
            updateInterest()
        default: if let timer = WalkTimer(rawValue: which) { feed(.timer(timer)) }
        }
    }
}
