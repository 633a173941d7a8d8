internal import Admission
package import GatewayModel
internal import PlaneContract
internal import ResponseCache
internal import Routing

/// The way of one request, without I/O: events go in, actions come out, time is an argument.
///
/// The stages, one file each, in order:
/// 1. `Authenticate`: the key's form, then its record.
/// 2. `Parse`: the body, once it is complete; a large one only when the limiter has let it `Begin`.
/// 3. `Resolve`: from the name to a plan of deployments.
/// 4. `Admit`: the worst case is held, or the request is refused. `Cache` asks in the same turn whether there is an answer
///    already, and gives that.
/// 5. `Dispatch`: attempts, until one gives its first real event.
/// 6. `Relay`: bytes to the caller.
/// 7. `Settle`: one exit on every path.
///
/// It guarantees: settle happens exactly once per admitted request; nothing is written after the end; no attempt runs after
/// settle; the status is committed only after the first real event of a provider, or a silence of `pingMs`.
package struct RequestWalk {
    /// How far the request has come. Only ever moves down this list, except that a stale key goes back to `authenticating`.
    enum Phase {
        case idle
        /// Key and body arrive, in either order.
        case receiving
        /// The answer is decided; the rest of the body is read and dropped.
        case rejecting(GatewayError)
        case peeking
        /// The limiter, or behind it the cache, is waited for.
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
    /// Bytes of a body nobody wants.
    var dropped = 0
    /// The digests of the caller's key, once its form is found good.
    package internal(set) var digests: [String] = []
    var caller: Caller?
    var keyWasRefreshed = false
    var parsed: InferenceRequest?
    /// The body is on another thread.
    var isBeingParsed = false
    var pending: PendingAdmission?
    /// Whether the limiter was asked before the body is parsed, and in which scopes.
    var beginning = Beginning.notAsked
    var begunScopes: ScopeSet?
    /// While the body arrives, where there is a cache.
    var bodyDigest: CanonicalDigest?
    /// How this request uses the cache; `nil` when it does not.
    var cache: CacheUse?
    /// Why the limiter refused, where an answer at hand would be given all the same.
    var waivedRefusal: GatewayError?
    /// The limiter refused for money that running requests hold, and is asked again.
    var moneyWait: MoneyWait?
    /// The limiter was asked for the rate alone.
    var isAskedAgain = false
    /// What was relayed of a stream that may be kept.
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
    /// The caller has the end of their answer, or left; the provider's is read on.
    var readsOn: ReadingOn?

    package init(_ context: WalkContext) { self.context = context }

    package var id: RequestID { context.id }

    package var isFinished: Bool {
        if case .finished = phase { true } else { false }
    }

    /// Takes one event and says what is to be done, in order. Events after the end are ignored.
    package mutating func handle(_ event: WalkEvent, at now: Int64) -> [WalkAction] {
        var out: [WalkAction] = []
        handle(event, at: now, into: &out)
        return out
    }

    /// The same, into an array whose room is used again and again; what was in it is gone.
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
