internal import GatewayModel
internal import ResponseCache
internal import Routing

/// Stage 2: the body, bounded while it arrives and parsed once both it and the key's record are there.
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

    /// Space for the announced length is reserved once this fraction (a quarter) of it has arrived.
    private static let lengthIsBelievedAt = 4

    /// Appends without doubling: that could leave as much unused capacity as the body takes. No space is reserved for a
    /// length that is only announced.
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
        // An error decided earlier says more than the unreadable rest.
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

    /// Refuses the request. If the rest of its body is small, the error is sent after it has arrived, so that the
    /// caller reads the response.
    mutating func reject(_ error: GatewayError, at now: Int64) {
        // The length of a chunked body is not known in advance.
        let isTooMuch = (head?.contentLength ?? (head?.hasBody == true ? .max : 0)) > context.world.bounds.drainBytesMax
        let isUnwanted = head?.hasBody == true && endpoint?.operation == nil
        if bodyIsComplete || isTooMuch || isUnwanted || head?.expectsContinue == true {
            fail(error, at: now, close: !bodyIsComplete)
        } else {
            body = []
            phase = .rejecting(error)
        }
    }

    /// Continues once both the key's record and the body are there.
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

    /// - Returns: `nil` while the body is parsed on another thread.
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

    /// The worker has just started and has no snapshot yet, neither on disk nor from Redis.
    private var notConfigured: GatewayError {
        GatewayError(
            .noProviderAvailable, "This worker has no configuration yet. Retry shortly.", detail: "no snapshot",
            retryAfterMs: 1_000)
    }
}
