internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import Routing

/// An authenticated request to one of the endpoints that only read: the models, the key itself, and its requests.
struct ReadRequest {
    let endpoint: Endpoint
    let caller: Caller
    /// The key's record was read a second time already.
    let keyIsFresh: Bool
}

/// Takes the place of the later stages for endpoints that only read.
///
/// The limiter is asked for what the endpoint shows, and with that whether the key's record is up to date.
struct ReadEndpoint {
    private var exchange: Exchange
    private let endpoint: Endpoint
    /// `nil` while the key's record is read again.
    private var caller: Caller?
    private var keyIsFresh: Bool
    private(set) var ending: Ending?

    init(_ request: ReadRequest, _ exchange: Exchange) {
        self.exchange = exchange
        endpoint = request.endpoint
        caller = request.caller
        keyIsFresh = request.keyIsFresh
        look(request.caller)
    }

    mutating func swapActions(_ other: inout [WalkAction]) { swap(&exchange.actions, &other) }

    /// For the next stage.
    mutating func handOver() -> Exchange { exchange.handOver() }

    mutating func handle(_ event: WalkEvent) {
        switch event {
        case .keyFound(let lookup): keyFound(lookup)
        case .peeked(let verdict): peeked(verdict)
        case .requestFound(let lookup): requestFound(lookup)
        case .clientGone: ending = Ending(status: 0, outcome: .cancelled)
        case .shutdown: fail(.serverShutdown, close: true)
        default: break
        }
    }

    private mutating func look(_ caller: Caller) {
        if case .meRequest(let id) = endpoint { return exchange.actions.append(.findRequest(caller, id: id)) }
        exchange.actions.append(.peek(caller))
    }

    private mutating func keyFound(_ lookup: KeyLookup) {
        guard caller == nil else { return }
        do throws(GatewayError) {
            let found = try lookup.caller(atMs: exchange.context.wallMs)
            caller = found
            look(found)
        } catch {
            fail(error)
        }
    }

    private mutating func peeked(_ verdict: PeekVerdict) {
        guard let key = caller?.record else { return }
        if case .stale = verdict { return keyWasStale() }
        let table = exchange.context.world.table
        let wallMs = exchange.context.wallMs
        switch endpoint {
        case .models:
            let items = table.callable(by: key, atMs: wallMs).map(Self.item).joined(separator: ",")
            answer("{\"object\":\"list\",\"data\":[\(items)]}")
        case .model(let name):
            guard let found = table.callable(name, by: key, atMs: wallMs) else {
                return fail(table.notFound(name, key: key, atMs: wallMs))
            }
            answer(Self.item(found))
        case .me:
            switch verdict {
            case .use(let use): answer(MeBody.json(key, use, isStale: false, version: table.version))
            case .lastKnown(let use): answer(MeBody.json(key, use, isStale: true, version: table.version))
            case .stale, .unavailable: answer(MeBody.json(key, nil, isStale: true, version: table.version))
            }
        case .inference, .health, .preflight, .meRequest:
            preconditionFailure("the limiter is asked only for endpoints that show its counters")
        }
    }

    /// Answers how a request went. Another key's request is reported as not existing.
    private mutating func requestFound(_ lookup: RequestLookup) {
        guard let key = caller?.record, case .meRequest(let id) = endpoint else { return }
        switch lookup {
        case .unavailable: fail(.limiterUnavailable)
        case .unknown: fail(Self.noSuchRequest)
        case .refused(let error): answer(RequestStatusBody.json(id, refusedWith: error))
        case .found(let state, let event):
            guard let body = RequestStatusBody.json(id, state: state, event: event, keyID: key.keyID) else {
                return fail(Self.noSuchRequest)
            }
            answer(body)
        }
    }

    /// The key changed since its record was read: reads it once more.
    private mutating func keyWasStale() {
        guard !keyIsFresh else { return fail(.limiterUnavailable) }
        keyIsFresh = true
        caller = nil
        exchange.actions.append(.lookUpKey(digests: exchange.digests, fresh: true))
    }

    private mutating func answer(_ json: String) {
        exchange.send(json: json)
        ending = Ending(status: 200)
    }

    private mutating func fail(_ error: GatewayError, close: Bool = false) {
        exchange.send(.respond(exchange.errorResponse(error), close: close))
        ending = Ending(error)
    }

    private static let noSuchRequest = GatewayError(
        .notFound,
        "This key has no such request, or it ended more than 15 minutes ago.")

    private static func item(_ model: (name: String, created: Int64)) -> String {
        "{\"id\":\(JSONText.quoted(model.name)),\"object\":\"model\",\"created\":\(model.created),\"owned_by\":\"ai-hub\"}"
    }
}
