internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import ProviderResponses
internal import ResponseCache
internal import Routing

/// The caller's side of a delivery: what is written, what is held for it, and how it ends.
///
/// `Delivery` decides what comes next; here every end of a delivered request is made.
struct Downstream {
    /// How long to wait for the usage of an answer that has ended, in milliseconds.
    private static let usageMs: Int64 = 1_000

    var exchange: Exchange
    var hold: RunningHold
    /// The attempt that runs. Mutated in place: copying it would retain each of its parts every time.
    var attempt: Attempt?
    private(set) var attemptsMade = 0
    private var route = ChosenRoute()
    var tally = AnswerTally()
    var cache: CacheRole
    /// Output of a provider was passed on: from here on only bytes of this attempt can follow.
    private(set) var isRelaying = false
    private var headIsSent = false
    /// How the request ended for its caller, while the rest of the answer is read for its usage alone because its
    /// provider bills all of it anyway.
    private var callerEnd: Ending?
    private let admittedMs: Int64
    private(set) var delivered: Delivered?

    init(_ admitted: AdmittedRequest, _ cache: CacheRole, _ exchange: Exchange, at now: Int64) {
        self.exchange = exchange
        self.cache = cache
        hold = RunningHold(admitted, exchange.context)
        admittedMs = now
    }

    var context: WalkContext { exchange.context }
    var request: InferenceRequest { hold.admitted.request }

    // MARK: Attempts

    /// - Throws: where the request cannot be translated for the deployment.
    mutating func start(_ target: RouteTarget, _ route: ChosenRoute, at now: Int64) throws(GatewayError) {
        attemptsMade += 1
        let translator = context.world.translator(for: target)
        let outputLimit = hold.ask(target, translator)
        let body = try hold.admitted.body(through: translator, outputLimit: outputLimit, context.world.secrets)
        self.route = route
        hold.attemptStarted(outputLimit: outputLimit, atMs: now)
        let attempt = Attempt(attemptsMade, target, translator, hold.admitted, context, startedMs: now)
        exchange.actions.append(.startAttempt(attempt.request(request.operation, context.id, body: body)))
        self.attempt = attempt
        if hold.isPartial { exchange.schedule(.progress, afterMs: context.world.settings.progressMs) }
        if exchange.callerIsBlocked {
            hold.pause(atMs: now)
            exchange.actions += [.cancelTimer(.firstEvent), .pauseAttempt(attemptsMade)]
        } else if request.streams {
            // A plain answer arrives only when it is complete, so only the total timeout bounds it.
            exchange.schedule(.firstEvent, afterMs: target.model.firstEventMs)
        }
    }

    /// The attempt is over, and another may follow.
    mutating func dropAttempt() {
        attempt = nil
        hold.attemptEnded()
    }

    /// Gives the attempt up for its silence; it may be billed nevertheless.
    mutating func abandonAttempt(at now: Int64) {
        guard let attempt else { return }
        cancelAttempt()
        hold.abandonAttempt(attempt.billingWhenClosed, tally, atMs: now)
    }

    mutating func cancelAttempt() {
        if let attempt { exchange.actions.append(.cancelAttempt(attempt.number)) }
    }

    mutating func report(_ note: AttemptObservation) { append(attempt?.report(note)) }

    private mutating func append(_ report: AttemptReport?) {
        if let report { exchange.actions.append(.noteAttempt(report)) }
    }

    // MARK: Output

    /// Commits the status, if it is not yet.
    mutating func startRelaying(at now: Int64) {
        guard !isRelaying else { return }
        exchange.actions.append(.cancelTimer(.firstEvent))
        isRelaying = true
        tally.firstByteMs = now - exchange.startedMs
        append(attempt?.reportFirstToken(atMs: now))
        if cache.mayStore(hold, tally) { cache.beginRecording() }
        sendStreamHead()
        exchange.schedule(.progress, afterMs: context.world.settings.progressMs)
    }

    /// Appends a chunk to what is sent to the caller.
    mutating func append(_ chunk: ChatChunk, to out: inout [UInt8]) {
        let start = out.count
        out += "data: ".utf8
        out += StreamEvents.relayed(chunk, wantsUsage: request.wantsUsage, model: tally.quotedModel(hold.translator))
        out += "\n\n".utf8
        cache.record(out[start...], context.world.cache)
    }

    mutating func ping() {
        sendStreamHead()
        exchange.send(.respondBytes(Array(": ping\n".utf8)))
        exchange.schedule(.ping, afterMs: context.world.settings.pingMs)
    }

    private mutating func sendStreamHead() {
        guard !headIsSent else { return }
        headIsSent = true
        var headers = answerHeaders
        headers.add("content-type", "text/event-stream; charset=utf-8")
        headers.add("cache-control", "no-cache, no-transform")
        headers.add("x-accel-buffering", "no")
        let trailer = cache.announcesTrailer() ? "x-aihub-cost-usd, x-aihub-cache" : "x-aihub-cost-usd"
        if exchange.acceptsTrailers { headers.add("trailer", trailer) }
        if hold.outputLimit != nil { headers.add("x-aihub-capped-by", "budget") }
        exchange.send(.respondHead(status: 200, headers: headers))
    }

    /// Headers of every model response: how the deployment was chosen, and what the key has left.
    private var answerHeaders: HeaderBlock {
        var block = exchange.commonHeaders
        if let attempt { block.add(route, attempt, of: hold.admitted) }
        cache.addHeaders(to: &block, context)
        if tally.isMisnamed { block.add("x-aihub-model-check", "another-model") }
        block.add(hold.admitted.admission)
        return block
    }

    /// Trailers are sent only on request (`TE: trailers`): some clients and proxies fail on unexpected ones.
    private mutating func endStream(_ trailers: [(String, String)]) {
        exchange.send(.respondEnd(trailers: exchange.acceptsTrailers ? trailers : []))
    }

    // MARK: Ends

    /// Sends the cached answer as its first caller received it.
    mutating func serve(_ answer: CachedResponse, at now: Int64) {
        tally.firstByteMs = now - exchange.startedMs
        if answer.isStream {
            sendStreamHead()
            exchange.send(.respondBytes(answer.content))
            exchange.send(.respondBytes(StreamEvents.done))
            endStream([("x-aihub-cost-usd", NanoUSD.zero.decimalUSD)] + cache.trailer)
        } else {
            send(answer.content, cost: .zero)
        }
        let nothing = Charge(usage: TokenUsage(), source: .provider, cost: .zero)
        conclude(.completed, status: 200, nothing, refundsUnit: true, cached: answer, at: now)
    }

    /// Sends a complete answer that was not streamed.
    mutating func deliver(_ body: [UInt8], at now: Int64) {
        tally.firstByteMs = now - exchange.startedMs
        let charge = hold.charge(.whole, tally, atMs: now)
        append(attempt?.reportAnswered(charge.usage.output + charge.usage.reasoning, atMs: now))
        send(body, cost: charge.cost, isCapped: hold.outputLimit != nil)
        store(body, charge, at: now)
        conclude(.completed, status: 200, charge, at: now)
    }

    private mutating func send(_ body: [UInt8], cost: NanoUSD, isCapped: Bool = false) {
        var headers = answerHeaders
        headers.add("content-type", "application/json")
        headers.add("x-aihub-cost-usd", cost.decimalUSD)
        if isCapped { headers.add("x-aihub-capped-by", "budget") }
        exchange.send(.respond(Response(status: 200, headers: headers, body: body), close: false))
    }

    /// - Parameter body: `nil` for the stream that was recorded.
    private mutating func store(_ body: [UInt8]?, _ charge: Charge, at now: Int64) {
        let action = cache.stored(body, hold, tally, cost: charge.cost, context, tookMs: now - exchange.startedMs)
        if let action { exchange.actions.append(action) }
    }

    mutating func finishStream(at now: Int64, reason: String? = nil, _ billing: Billing = .whole) {
        let charge = hold.charge(billing, tally, atMs: now)
        append(attempt?.reportStreamed(charge.usage.output + charge.usage.reasoning, atMs: now))
        if request.wantsUsage, let chunk = tally.lastChunk {
            let event = StreamEvents.event(
                StreamEvents.usage(
                    charge, reported: tally.usage, like: chunk, model: tally.quotedModel(hold.translator)))
            exchange.send(.respondBytes(event))
            cache.record(event[...], context.world.cache)
        }
        exchange.send(.respondBytes(StreamEvents.done))
        let reasons = reason.map { [("x-aihub-finish-reason", $0)] } ?? []
        endStream([("x-aihub-cost-usd", charge.cost.decimalUSD)] + reasons + cache.trailer)
        if reason == nil { store(nil, charge, at: now) }
        conclude(.completed, status: 200, charge, at: now)
    }

    /// Reports the error in-band: data was sent to the caller already.
    ///
    /// - Parameter mayReadOn: whether there is time left to wait for usage.
    mutating func breakStream(_ error: GatewayError, mayReadOn: Bool = true, at now: Int64) {
        exchange.send(.respondBytes(ErrorBody.event(error)))
        // The cost is known only if the answer is not read on.
        let isKnown = !(mayReadOn && attempt != nil && hold.paysToReadOn(tally))
        let cost = hold.charge(.cut, tally, atMs: now).cost.decimalUSD
        endStream(isKnown ? [("x-aihub-cost-usd", cost)] : [])
        leave(.failed, status: 200, error: error, mayReadOn: mayReadOn, at: now)
    }

    /// Ends a request with an error, in-band if the head of a stream was sent. The charge depends on what the provider
    /// may bill.
    mutating func fail(
        _ error: GatewayError, at now: Int64, close: Bool = false, _ billing: Billing = .nothing(keepsUnit: false)
    ) {
        send(error, close: close)
        conclude(
            attemptsMade > 0 ? .failed : nil, status: headIsSent ? 200 : error.kind.status, error: error, billing,
            at: now)
    }

    /// Like `fail`, while an attempt runs that may be billed to its end.
    mutating func failInFlight(_ error: GatewayError, at now: Int64, close: Bool = false, mayReadOn: Bool = true) {
        send(error, close: close)
        leave(.failed, status: headIsSent ? 200 : error.kind.status, error: error, mayReadOn: mayReadOn, at: now)
    }

    private mutating func send(_ error: GatewayError, close: Bool) {
        guard headIsSent else { return exchange.send(.respond(exchange.errorResponse(error), close: close)) }
        exchange.send(.respondBytes(ErrorBody.event(error)))
        exchange.send(.respondEnd(trailers: []))
    }

    /// The client disconnected.
    ///
    /// - Parameter isDispatched: whether an attempt was made, or is about to be.
    mutating func callerLeft(isDispatched: Bool, at now: Int64) {
        let status = headIsSent ? 200 : 0
        if isDispatched { return leave(.cancelled, status: status, at: now) }
        conclude(
            nil, status: status, hold.charge(.nothing(keepsUnit: false), tally, atMs: now), refundsUnit: true,
            ending: Ending(status: 0, outcome: .cancelled), at: now)
    }

    /// Ends the request for its caller and either closes the attempt or reads it on.
    ///
    /// The connection is closed where that ends the bill, and the answer is read on elsewhere. An answer read to its
    /// end is charged as reported, any other by the whole bound.
    private mutating func leave(
        _ outcome: Outcome, status: Int, error: GatewayError? = nil, mayReadOn: Bool = true, at now: Int64
    ) {
        guard callerEnd == nil, let attempt, mayReadOn, hold.paysToReadOn(tally) else {
            cancelAttempt()
            let wasSent = attemptsMade > 0
            return conclude(
                wasSent ? outcome : nil, status: status, error: error,
                attempt?.billingWhenClosed ?? .nothing(keepsUnit: wasSent), at: now)
        }
        let isHeldUp = exchange.callerIsBlocked || hold.isUsedUp
        exchange.dismissCaller()
        if isHeldUp { exchange.actions.append(.resumeAttempt(attempt.number)) }
        hold.endWait()
        callerEnd = Ending(status: status, outcome: outcome, error: error)
        let leftMs = context.world.bounds.totalMs - (now - admittedMs)
        exchange.actions.append(
            .readOn(
                keyID: hold.admitted.scopes.keyID, deadlineMs: tally.isFinished ? min(leftMs, Self.usageMs) : leftMs))
    }

    private mutating func conclude(
        _ outcome: Outcome?, status: Int, error: GatewayError?, _ billing: Billing, at now: Int64
    ) {
        conclude(
            outcome, status: status, error: error, hold.charge(billing, tally, atMs: now),
            refundsUnit: !billing.keepsUnit && hold.owed.cost == .zero, at: now)
    }

    private mutating func conclude(
        _ outcome: Outcome?, status: Int, error: GatewayError? = nil, _ charge: Charge, refundsUnit: Bool = false,
        cached: CachedResponse? = nil, ending: Ending? = nil, at now: Int64
    ) {
        report(.noVerdict)
        var ending = ending ?? callerEnd ?? Ending(status: status, outcome: outcome, error: error)
        ending.attempts = attemptsMade
        ending.cache = cache.word
        ending.isMisnamed = tally.isMisnamed
        let outcome = callerEnd?.outcome ?? outcome
        let event = UsageEvent(
            exchange, hold, tally, outcome ?? .failed, status: callerEnd?.status ?? status, attempts: attemptsMade,
            charge, at: now)
        delivered = Delivered(
            settle: SettleRequest(event, hold.admitted, outcome, charge, refundsUnit: refundsUnit, cached: cached),
            ending: ending)
        cache.dropRecording(context.world.cache)
    }
}
