internal import Admission
package import GatewayModel

/// The state machine of one request. It does no I/O: events go in, actions come out, time is an argument.
///
/// Four stages, each a value with private state and a typed result that opens the next:
/// 1. `Intake`: head, key and body become a `ParsedRequest`. Endpoints that only read leave to `ReadEndpoint` here.
/// 2. `Admitting`: the plan's worst case is held, and the cache is asked. Only this makes an `AdmittedRequest`.
/// 3. `Delivery`: a cached answer is returned, or attempts are made until one has output, which is passed on. It is
///    `Delivered` in the end.
/// 4. `Settling`: the one exit of every path.
///
/// Guarantees: every admitted request is settled exactly once; nothing is written after the end; no attempt runs after
/// the settle; the status is committed only after the first real event of a provider, or after `pingMs` of silence.
package struct RequestWalk {
    private let context: WalkContext
    // At most one of these is there, and none after the end. The payload of an enum could not be changed in place, and
    // moving it out and back for each event would copy the whole stage.
    private var intake: Intake?
    private var readEndpoint: ReadEndpoint?
    private var admitting: Admitting?
    private var delivery: Delivery?
    /// The actions of the current event; while a stage is there, it has them.
    private var actions: [WalkAction] = []
    /// The digests of the caller's key, once its format has been validated.
    package private(set) var digests: [String] = []
    package private(set) var isFinished = false
    /// Whether the request's body is held, or would be if it arrived: until the request is refused or ends.
    private(set) var holdsBody = true

    package init(_ context: WalkContext) {
        self.context = context
        intake = Intake(context)
    }

    package var id: RequestID { context.id }

    /// The response to what is no request, or none that is read.
    package func errorResponse(_ error: GatewayError) -> Response { Exchange(context).errorResponse(error) }

    /// Handles one event and returns the actions to carry out, in order. Events after the end are ignored.
    package mutating func handle(_ event: WalkEvent, at now: Int64) -> [WalkAction] {
        var out: [WalkAction] = []
        handle(event, at: now, into: &out)
        return out
    }

    /// Like `handle(_:at:)`, but replaces the content of `out`, whose storage is reused.
    package mutating func handle(_ event: WalkEvent, at now: Int64, into out: inout [WalkAction]) {
        out.removeAll(keepingCapacity: true)
        swapActions(&out)
        step(event, at: now)
        swapActions(&out)
    }

    private mutating func swapActions(_ out: inout [WalkAction]) {
        if delivery?.swapActions(&out) != nil { return }
        if intake?.swapActions(&out) != nil { return }
        if admitting?.swapActions(&out) != nil { return }
        if readEndpoint?.swapActions(&out) != nil { return }
        swap(&actions, &out)
    }

    private mutating func step(_ event: WalkEvent, at now: Int64) {
        if let isOver = delivery?.handle(event, at: now) {
            if isOver { endDelivery(at: now) }
        } else if let progress = intake?.handle(event, at: now) {
            if case .head = event { digests = intake?.digests ?? [] }
            switch progress {
            case .wantsBody: break
            case .dropsBody: holdsBody = false
            case .over: endIntake(at: now)
            }
        } else if let isOver = admitting?.handle(event, at: now) {
            if isOver { endAdmitting(at: now) }
        } else {
            readEndpoint?.handle(event)
            endReading(at: now)
        }
    }

    // MARK: From stage to stage

    private mutating func endIntake(at now: Int64) {
        guard let result = intake?.result, let exchange = intake?.handOver() else { return }
        intake = nil
        switch result {
        case .parsed(let request):
            admitting = Admitting(request, exchange)
            if admitting?.begin(at: now) == true { endAdmitting(at: now) }
        case .reads(let request): readEndpoint = ReadEndpoint(request, exchange)
        case .ended(let unadmitted): settle(exchange) { $0.giveBack(unadmitted, at: now) }
        }
    }

    private mutating func endAdmitting(at now: Int64) {
        guard let result = admitting?.result, let exchange = admitting?.handOver() else { return }
        admitting = nil
        switch result {
        case .admitted(let request, let cache):
            delivery = Delivery(request, cache, exchange, at: now)
            if delivery?.begin(at: now) == true { endDelivery(at: now) }
        case .refused(let unadmitted): settle(exchange) { $0.giveBack(unadmitted, at: now) }
        }
    }

    private mutating func endReading(at now: Int64) {
        guard let ending = readEndpoint?.ending, let exchange = readEndpoint?.handOver() else { return }
        readEndpoint = nil
        settle(exchange) { $0.end(ending, at: now) }
    }

    private mutating func endDelivery(at now: Int64) {
        guard let delivered = delivery?.result, let exchange = delivery?.handOver() else { return }
        delivery = nil
        settle(exchange) { $0.settle(delivered, at: now) }
    }

    private mutating func settle(_ exchange: consuming Exchange, _ body: (inout Settling) -> Void) {
        var settling = Settling(exchange)
        body(&settling)
        settling.swapActions(&actions)
        isFinished = true
        holdsBody = false
    }
}
