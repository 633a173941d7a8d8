internal import Admission
package import GatewayModel
internal import PlaneContract
internal import ResponseCache
internal import Routing

/// The state machine of one request. It does no I/O: events go in, actions come out, time is an argument.
///
/// The stages, one file each, in order:
/// 1. `Authenticate`: the key's form, then its record.
/// 2. `Parse`: the body, once it is complete; a large one only after the limiter has admitted it in `Begin`.
/// 3. `Resolve`: from the name to a plan of deployments.
/// 4. `Admit`: the worst case is held, or the request is refused. In the same turn, `Cache` looks for a cached answer
///    and returns it if there is one.
/// 5. `Dispatch`: attempts, until one produces its first real event.
/// 6. `Relay`: bytes to the client.
/// 7. `Settle`: the one exit of every path.
///
/// Guarantees: every admitted request is settled exactly once; nothing is written after the end; no attempt runs after
/// the settle; the status is committed only after the first real event of a provider, or after `pingMs` of silence.
package struct RequestWalk {
    /// How far the request has come. Only moves down this list, except that a stale key goes back to `receiving`.
    enum Phase {
        case idle
        /// The key's record and the body arrive, in either order.
        case receiving
        /// The error is decided; the rest of the body is read and dropped.
        case rejecting(GatewayError)
        case peeking
        /// Waits for the limiter, and then possibly for the cache.
        case admitting
        case dispatching
        case relaying
        case finished
    }

    let context: WalkContext
    var phase = Phase.idle
    var actions: [WalkAction] = []
    var startedMs: Int64 = 0
    var endpoint: Endpoint?
    var head: RequestHead?
    var body: [UInt8] = []
    var bodyIsComplete = false
    /// Bytes of an unwanted body that were dropped.
    var dropped = 0
    /// The digests of the caller's key, once its format has been validated.
    package internal(set) var digests: [String] = []
    var caller: Caller?
    var keyWasRefreshed = false
    var parsed: InferenceRequest?
    /// The body is being parsed on another thread.
    var isBeingParsed = false
    var pending: PendingAdmission?
    /// Whether the limiter was asked before the body is parsed, and in which scopes.
    var beginning = Beginning.notAsked
    var begunScopes: ScopeSet?
    /// Fed while the body arrives, if the request may be cached.
    var bodyDigest: CanonicalDigest?
    /// How this request uses the cache; `nil` when it does not.
    var cache: CacheUse?
    /// The limiter's refusal, kept while the cache is asked: a cached answer may be returned in spite of it.
    var waivedRefusal: GatewayError?
    /// Set while running requests hold the money this one needs and the limiter is asked again.
    var moneyWait: MoneyWait?
    /// The limiter was asked again, for the request rate alone.
    var isAskedAgain = false
    /// What was relayed of a stream that may be cached.
    var kept: [UInt8]?
    var admitted: AdmittedRequest?
    var attempt: Attempt?
    var relay = Relay()
    var attemptsMade = 0
    var trail = AttemptTrail()
    var lastFailure: GatewayError?
    var headIsSent = false
    var admittedMs: Int64 = 0
    var clientIsBlocked = false
    /// The caller has their last byte or has left, and the provider's answer is read to its end.
    var readsOn: ReadingOn?

    package init(_ context: WalkContext) { self.context = context }

    package var id: RequestID { context.id }

    package var isFinished: Bool {
        if case .finished = phase { true } else { false }
    }

    /// Handles one event and returns the actions to carry out, in order. Events after the end are ignored.
    package mutating func handle(_ event: WalkEvent, at now: Int64) -> [WalkAction] {
        var out: [WalkAction] = []
        handle(event, at: now, into: &out)
        return out
    }

    /// Like `handle(_:at:)`, but replaces the content of `out`, whose storage is reused.
    package mutating func handle(_ event: WalkEvent, at now: Int64, into out: inout [WalkAction]) {
        out.removeAll(keepingCapacity: true)
        swap(&actions, &out)
        step(event, at: now)
        swap(&actions, &out)
    }

    private mutating func step(_ event: WalkEvent, at now: Int64) {
        guard !isFinished else { return }
        switch event {
        case .head(let head): begin(head, at: now)
        case .body(let bytes): receive(bytes, at: now)
        case .bodyEnd: bodyEnded(at: now)
        case .requestBroken(let error): requestBroken(error, at: now)
        case .keyFound(let lookup): keyFound(lookup, at: now)
        case .peeked(let verdict): peeked(verdict, at: now)
        case .requestFound(let lookup): requestFound(lookup, at: now)
        case .beginAnswered(let answer): beginAnswered(answer, at: now)
        case .parsed(let body): parsed(body, at: now)
        case .admitAnswered(let answer): admitAnswered(answer, at: now)
        case .cacheAnswered(let reply): cacheAnswered(reply, at: now)
        case .progressAnswered(let verdict): progressAnswered(verdict, at: now)
        case .attemptHead(let number, let status, let contentType, let retryAfterMs):
            if number == attempt?.number {
                attemptStarted(status: status, contentType: contentType, retryAfterMs: retryAfterMs, at: now)
            }
        case .attemptBytes(let number, let bytes): if number == attempt?.number { attemptSent(bytes, at: now) }
        case .attemptEnded(let number): if number == attempt?.number { attemptEnded(at: now) }
        case .attemptFailed(let number, let failure): if number == attempt?.number { transportFailed(failure, at: now) }
        case .clientGone: clientGone(at: now)
        case .clientBlocked: block(at: now)
        case .clientReady: unblock(at: now)
        case .timer(let timer): timerFired(timer, at: now)
        case .shutdown: shutDown(at: now)
        }
    }
}
