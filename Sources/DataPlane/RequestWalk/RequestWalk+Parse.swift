internal import GatewayModel
internal import ResponseCache
internal import Routing

/// Stage 2: the body, bounded while it arrives and parsed once it and the key are there.
extension RequestWalk {
    mutating func receive(_ bytes: [UInt8], at now: Int64) {
        if case .receiving = phase, endpoint?.operation != nil {
            guard body.count + bytes.count <= context.world.bounds.bodyBytesMax else {
                body = []
                return fail(tooLarge, at: now, close: true)
            }
            bodyDigest?.feed(bytes)
            if body.isEmpty { body = bytes } else { append(bytes) }
            beginIfLarge()
        } else {
            dropped += bytes.count
            guard dropped > context.world.bounds.drainBytesMax, case .rejecting(let error) = phase else { return }
            fail(error, at: now, close: true)
        }
    }

    /// A part of the promised length at which room for all of it is taken.
    private static let lengthIsBelievedAt = 4

    /// Doubling its room again and again, a large body would leave as much unused memory behind as it takes. A length that is only
    /// promised takes none.
    private mutating func append(_ bytes: [UInt8]) {
        let count = body.count + bytes.count
        if count > body.capacity, let length = head?.contentLength, count <= length,
            count * Self.lengthIsBelievedAt >= length
        {
            body.reserveCapacity(length)
        }
        body += bytes
    }

    mutating func requestBroken(_ error: GatewayError, at now: Int64) {
        guard !bodyIsComplete else { return }
        // An error already decided says more about the request than its unreadable rest.
        if case .rejecting(let decided) = phase { return fail(decided, at: now, close: true) }
        fail(error, at: now, close: true)
    }

    mutating func bodyEnded(at now: Int64) {
        bodyIsComplete = true
        switch phase {
        case .rejecting(let error): fail(error, at: now)
        case .receiving: proceed(at: now)
        case .idle, .peeking, .admitting, .dispatching, .relaying, .finished: break
        }
    }

    /// Refuses the request: at once when its body has arrived or will not, else when it has, so that the caller reads the
    /// answer.
    mutating func reject(_ error: GatewayError, at now: Int64) {
        // Of a chunked body nobody knows how long it will be.
        let isTooMuch = (head?.contentLength ?? (head?.hasBody == true ? .max : 0)) > context.world.bounds.drainBytesMax
        let isUnwanted = head?.hasBody == true && endpoint?.operation == nil
        if bodyIsComplete || isTooMuch || isUnwanted || head?.expectsContinue == true {
            fail(error, at: now, close: !bodyIsComplete)
        } else {
            body = []
            phase = .rejecting(error)
        }
    }

    /// Goes on once both key and body are there.
    mutating func proceed(at now: Int64) {
        guard bodyIsComplete, let endpoint else { return }
        switch endpoint {
        case .preflight: return answerPreflight(at: now)
        case .health: return answer(json: #"{"object":"gateway","status":"ok"}"#, at: now)
        case .inference, .models, .model, .me, .meRequest: break
        }
        guard let caller else { return }
        if case .asking = beginning { return }
        guard context.world.table.version > 0 else { return fail(notConfigured, at: now) }
        guard let operation = endpoint.operation else {
            phase = .peeking
            if case .meRequest(let id) = endpoint { return actions.append(.findRequest(caller, id: id)) }
            return actions.append(.peek(caller))
        }
        do throws(GatewayError) {
            guard let request = try parsedBody(for: operation) else { return }
            try resolve(request, for: caller, at: now)
        } catch {
            fail(error, at: now)
        }
    }

    /// - Returns: `nil` while it is parsed elsewhere.
    private mutating func parsedBody(for operation: Operation) throws(GatewayError) -> InferenceRequest? {
        if let parsed { return parsed }
        if isBeingParsed { return nil }
        defer { body = [] }
        if body.count > context.world.bounds.bodyBytesParsedInTurnMax {
            isBeingParsed = true
            actions.append(.parse(BodyTask(body: body, operation: operation)))
        } else {
            parsed = try InferenceRequest(body, for: operation)
        }
        return parsed
    }

    mutating func parsed(_ body: ParsedBody, at now: Int64) {
        guard case .receiving = phase, isBeingParsed else { return }
        isBeingParsed = false
        switch body.result {
        case .success(let request):
            parsed = request
            proceed(at: now)
        case .failure(let error): fail(error, at: now)
        }
    }

    /// A worker that has just started and has no snapshot yet, neither on disk nor from Redis.
    private var notConfigured: GatewayError {
        GatewayError(
            .noProviderAvailable, "This worker has no configuration yet. Retry shortly.", detail: "no snapshot",
            retryAfterMs: 1_000)
    }
}
