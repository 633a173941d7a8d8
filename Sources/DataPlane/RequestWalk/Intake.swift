internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import ResponseCache
internal import Routing

/// A request whose key is valid and whose body has been parsed.
struct ParsedRequest {
    let request: InferenceRequest
    let caller: Caller
    /// The key's record was read a second time already.
    let keyIsFresh: Bool
    let early: EarlyAdmission
    /// `nil` if the request may not be cached.
    let bodyDigest: CanonicalDigest?
    let cacheControl: String?
}

/// The first stage: the head is checked, the key looked up, and the body read and parsed.
///
/// The key's format is checked here, its record is looked up in Redis. The body is bounded while it arrives and parsed
/// once both it and the key's record are there.
struct Intake {
    enum Result {
        case parsed(ParsedRequest)
        case reads(ReadRequest)
        case ended(Unadmitted)
    }

    enum Progress {
        case wantsBody
        /// The error is decided; the rest of the body is dropped.
        case dropsBody
        /// There is a result.
        case over
    }

    private enum State {
        case idle
        /// The key's record and the body arrive, in either order.
        case receiving
        /// The error is decided; the rest of the body is read and dropped.
        case rejecting(GatewayError)
    }

    private var exchange: Exchange
    private var state = State.idle
    private var head: RequestHead?
    private var body = BodyBuffer()
    private var caller: Caller?
    private var keyIsFresh = false
    private var early = EarlyAdmission()
    private var parsed: InferenceRequest?
    /// The body is being parsed on another thread.
    private var isBeingParsed = false
    private var isReady = false
    private var unadmitted: Unadmitted?

    init(_ context: WalkContext) { exchange = Exchange(context) }

    mutating func swapActions(_ other: inout [WalkAction]) { swap(&exchange.actions, &other) }

    /// For the next stage.
    mutating func handOver() -> Exchange { exchange.handOver() }

    /// What it came to; `nil` before the end.
    var result: Result? {
        if let unadmitted { return .ended(unadmitted) }
        guard isReady, let caller, let endpoint = exchange.endpoint else { return nil }
        guard let parsed else { return .reads(ReadRequest(endpoint: endpoint, caller: caller, keyIsFresh: keyIsFresh)) }
        return .parsed(
            ParsedRequest(
                request: parsed, caller: caller, keyIsFresh: keyIsFresh, early: early, bodyDigest: body.digest,
                cacheControl: head?.cacheControl))
    }

    var digests: [String] { exchange.digests }

    private var world: WalkWorld { exchange.context.world }

    mutating func handle(_ event: WalkEvent, at now: Int64) -> Progress {
        step(event, at: now)
        if isReady || unadmitted != nil { return .over }
        return if case .rejecting = state { .dropsBody } else { .wantsBody }
    }

    private mutating func step(_ event: WalkEvent, at now: Int64) {
        switch event {
        case .head(let head): begin(head, startedMs: now)
        case .body(let bytes): receive(bytes)
        case .bodyEnd: bodyEnded()
        case .requestBroken(let error): requestBroken(error)
        case .keyFound(let lookup): keyFound(lookup)
        case .beginAnswered(let answer): beginAnswered(answer)
        case .parsed(let body): parsed(body)
        case .clientGone: end(Ending(status: 0, outcome: .cancelled))
        case .clientBlocked: exchange.callerIsBlocked = true
        case .clientReady: exchange.callerIsBlocked = false
        case .shutdown: if head != nil { fail(.serverShutdown, close: true) }
        default: break
        }
    }

    // MARK: Head and key

    private mutating func begin(_ head: RequestHead, startedMs: Int64) {
        exchange.begin(head, startedMs: startedMs)
        self.head = head
        state = .receiving
        do throws(GatewayError) {
            let endpoint = try Endpoint(method: head.method, target: head.target)
            exchange.endpoint = endpoint
            try head.checkContent(for: endpoint, bodyBytesMax: world.bounds.bodyBytesMax)
            if endpoint == .preflight || endpoint == .health { return }
            if world.cache != nil, endpoint.operation != nil, !CacheControl(head.cacheControl).forbidsKeeping {
                body.computeDigest()
            }
            exchange.digests = head.digests.isEmpty ? world.digests(try head.key()) : head.digests
            exchange.actions.append(.lookUpKey(digests: exchange.digests, fresh: false))
        } catch {
            reject(error)
        }
    }

    private mutating func keyFound(_ lookup: KeyLookup) {
        guard case .receiving = state else { return }
        do throws(GatewayError) {
            caller = try lookup.caller(atMs: exchange.context.wallMs)
            askEarlyIfLarge()
            proceed()
        } catch {
            reject(error)
        }
    }

    private mutating func askEarlyIfLarge() {
        guard case .receiving = state, early.isDue, exchange.endpoint?.operation != nil, let caller,
            max(head?.contentLength ?? 0, body.bytes.count) > world.bounds.trustedBodyBytesMax
        else { return }
        exchange.actions.append(.begin(early.ask(for: caller, exchange.context)))
    }

    private mutating func beginAnswered(_ answer: BeginAnswer) {
        guard case .receiving = state, early.isAsking else { return }
        switch early.answered(answer) {
        case .proceed: proceed()
        // `Admitting` decides whether the key may run without the limiter; if it never may, the body is not parsed.
        case .proceedWithoutLimiter:
            if caller?.record.outagePolicy == .deny { reject(.limiterUnavailable) } else { proceed() }
        case .refused(let error): reject(error)
        case .stale: keyWasStale()
        }
    }

    /// The key changed since its record was read: reads it once more.
    ///
    /// If it is stale again, the request fails as `limiterUnavailable`: a changing key is not the caller's fault.
    private mutating func keyWasStale() {
        guard !keyIsFresh else { return fail(.limiterUnavailable, close: !body.isComplete) }
        keyIsFresh = true
        caller = nil
        exchange.actions.append(.lookUpKey(digests: exchange.digests, fresh: true))
    }

    // MARK: Body

    private mutating func receive(_ bytes: [UInt8]) {
        if case .receiving = state, exchange.endpoint?.operation != nil {
            guard body.bytes.count + bytes.count <= world.bounds.bodyBytesMax else {
                return fail(.bodyTooLarge(bytesMax: world.bounds.bodyBytesMax), close: true)
            }
            body.append(bytes, announced: head?.contentLength)
            askEarlyIfLarge()
        } else {
            body.drop(bytes.count)
            guard body.dropped > world.bounds.drainBytesMax, case .rejecting(let error) = state else { return }
            fail(error, close: true)
        }
    }

    private mutating func requestBroken(_ error: GatewayError) {
        guard !body.isComplete else { return }
        // An error decided earlier says more than the unreadable rest.
        if case .rejecting(let decided) = state { return fail(decided, close: true) }
        fail(error, close: true)
    }

    private mutating func bodyEnded() {
        body.complete()
        switch state {
        case .rejecting(let error): fail(error)
        case .receiving: proceed()
        case .idle: break
        }
    }

    /// Continues once both the key's record and the body are there.
    private mutating func proceed() {
        guard body.isComplete, let endpoint = exchange.endpoint else { return }
        switch endpoint {
        case .preflight:
            exchange.sendPreflight(corsHeaders: head?.corsHeaders)
            return end(Ending(status: 204))
        case .health:
            exchange.send(json: #"{"object":"gateway","status":"ok"}"#)
            return end(Ending(status: 200))
        case .inference, .models, .model, .me, .meRequest: break
        }
        guard caller != nil, !early.isAsking else { return }
        guard world.table.version > 0 else { return fail(.notConfigured) }
        if let operation = endpoint.operation, parsed == nil { return parse(for: operation) }
        isReady = true
    }

    private mutating func parse(for operation: Operation) {
        if isBeingParsed { return }
        defer { body.clear() }
        guard body.bytes.count <= world.bounds.bodyBytesParsedInTurnMax else {
            isBeingParsed = true
            return exchange.actions.append(.parse(BodyTask(body: body.bytes, operation: operation)))
        }
        do throws(GatewayError) {
            parsed = try InferenceRequest(body.bytes, for: operation)
            isReady = true
        } catch {
            fail(error)
        }
    }

    private mutating func parsed(_ body: ParsedBody) {
        guard case .receiving = state, isBeingParsed else { return }
        isBeingParsed = false
        switch body.result {
        case .success(let request):
            parsed = request
            proceed()
        case .failure(let error): fail(error)
        }
    }

    // MARK: Ends

    /// Refuses the request.
    ///
    /// If the endpoint takes the body and its declared length is at most `drainBytesMax`, the error is sent once the
    /// body has arrived, so that the caller reads the response. Otherwise, or if the caller waits for `100 Continue`,
    /// it is sent at once, and the connection is closed unless the body is complete.
    private mutating func reject(_ error: GatewayError) {
        // The length of a chunked body is not known in advance.
        let isTooMuch = (head?.contentLength ?? (head?.hasBody == true ? .max : 0)) > world.bounds.drainBytesMax
        let isUnwanted = head?.hasBody == true && exchange.endpoint?.operation == nil
        if body.isComplete || isTooMuch || isUnwanted || head?.expectsContinue == true {
            fail(error, close: !body.isComplete)
        } else {
            body.clear()
            state = .rejecting(error)
        }
    }

    private mutating func fail(_ error: GatewayError, close: Bool = false) {
        exchange.send(.respond(exchange.errorResponse(error), close: close))
        end(Ending(error))
    }

    private mutating func end(_ ending: Ending) { unadmitted = Unadmitted(ending, holding: early, exchange.context) }
}
