internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import ResponseCache
internal import Routing

/// The response cache, asked beside stage 4 in the same turn as the limiter.
///
/// A cached answer is returned once the limiter admits the request. If the limiter refuses for money, tokens or the
/// quota of a day or month, it is asked again for the request rate alone, since a cached answer uses nothing else.
extension RequestWalk {
    mutating func prepareForCache(_ head: RequestHead) {
        guard context.world.cache != nil, endpoint?.operation != nil,
            !CacheControl(head.cacheControl).forbidsKeeping
        else { return }
        bodyDigest = CanonicalDigest()
    }

    mutating func askTheCache(_ request: InferenceRequest, _ caller: Caller) {
        waivedRefusal = nil
        isAskedAgain = false
        guard let shared = context.world.cache else { return }
        let name = context.world.nameInCache(request.model)
        let policy = CachePolicy(
            defaultSeconds: shared.defaultSeconds, keySeconds: caller.record.cacheSeconds, nameSeconds: name.seconds,
            CacheControl(head?.cacheControl))
        // The key's record was read again, but the cache was asked before.
        if let policy, cache != nil {
            cache?.policy = policy
            return
        }
        guard let policy, let digest = bodyDigest?.finish() else { return cache = nil }
        bodyDigest = nil
        let key = shared.secrets.key(
            org: caller.record.orgID, request.operation, body: digest, definition: name.definition)
        cache = CacheUse(key: key, policy: policy, state: policy.mayRead ? .asking : .miss)
        if policy.mayRead { actions.append(.lookUpAnswer(CacheLookUp(key: key, ageMsMax: policy.ageMsMax))) }
    }

    mutating func cacheAnswered(_ reply: CacheReply, at now: Int64) {
        switch phase {
        case .receiving, .admitting: break
        case .idle, .rejecting, .peeking, .dispatching, .relaying, .finished: return
        }
        guard case .asking? = cache?.state else { return }
        switch reply {
        case .hit(let answer): cache?.state = answer.isStream == parsed?.streams ? .hit(answer) : .unavailable
        case .miss: cache?.state = .miss
        case .unavailable: cache?.state = .unavailable
        }
        if admitted != nil {
            answerOrDispatch(at: now)
        } else if let waivedRefusal {
            refused(waivedRefusal, at: now)
        }
    }

    /// The request is admitted: returns the cached answer, or starts an attempt unless the cache is still being asked.
    mutating func answerOrDispatch(at now: Int64) {
        switch cache?.state {
        case .asking: break
        case .hit(let answer): give(answer, at: now)
        case .miss, .unavailable, nil: startNextAttempt(at: now)
        }
    }

    /// The limiter refused the request: uses a cached answer if that is still allowed, else waits for money or fails.
    mutating func refused(_ error: GatewayError, at now: Int64) {
        guard let pending, error.isWaivedForCachedAnswers, !isAskedAgain else { return waitForMoney(error, at: now) }
        switch cache?.state {
        case .asking:
            waivedRefusal = error
            if error.kind == .budgetInFlight { moneyWait = moneyWait ?? MoneyWait(error, at: now) }
            schedule(.total, afterMs: context.world.bounds.totalMs)
        case .hit(let answer): admitAgain(pending, for: answer)
        case .miss, .unavailable, nil: waitForMoney(error, at: now)
        }
    }

    /// Asks the limiter again, only for the requests per minute and a concurrency slot.
    private mutating func admitAgain(_ pending: PendingAdmission, for answer: CachedResponse) {
        waivedRefusal = nil
        moneyWait = nil
        isAskedAgain = true
        // No total timeout here: the limiter has its own deadline, and a hold that may exist must not be abandoned.
        actions.append(.cancelTimer(.total))
        var event = pending.event
        event.model = answer.model
        event.deployment = answer.deployment
        event.priceID = answer.priceID
        event.usage = TokenUsage()
        event.cost = .zero
        event.hold = .zero
        event.attempts = 0
        event.refundsRequest = true
        var request = AdmitRequest(
            id: context.id, caller: pending.caller, estimatedTokens: 0, hold: .zero, holdMin: .zero, floorCost: .zero,
            event: event.json, lifetimeMs: context.world.bounds.totalMs + context.world.settings.holdGraceMs)
        request.isForCachedResponse = true
        if case .stands = beginning { request.hasBegun = true }
        actions.append(.admit(request))
    }

    /// Sends the cached answer as its first caller received it.
    private mutating func give(_ answer: CachedResponse, at now: Int64) {
        relay.firstByteMs = now - startedMs
        if answer.isStream {
            sendStreamHead()
            say(.respondBytes(answer.content))
            say(.respondBytes(Array("data: [DONE]\n\n".utf8)))
            respondEnd([("x-aihub-cost-usd", NanoUSD.zero.decimalUSD)] + cacheTrailer)
        } else {
            var headers = answerHeaders
            headers.add("content-type", "application/json")
            headers.add("x-aihub-cost-usd", NanoUSD.zero.decimalUSD)
            say(.respond(Response(status: 200, headers: headers, body: answer.content), close: false))
        }
        settle(givenFrom: answer, at: now)
        end(status: 200, outcome: .completed, error: nil, at: now)
    }

    // MARK: Response headers

    /// `nil` where there is no cache.
    var cacheWord: CacheUse.Word? { context.world.cache == nil ? nil : cache?.word ?? .bypass }

    func addCacheWords(to block: inout HeaderBlock) {
        if case .asking? = cache?.state { return }
        if let cacheWord { block.add("x-aihub-cache", cacheWord.rawValue) }
        guard case .hit(let answer)? = cache?.state else { return }
        block.add("age", answer.ageMs(at: context.wallMs) / 1_000)
    }

    /// The cache header, as a trailer, if it was not known when the head was sent.
    var cacheTrailer: [(String, String)] {
        guard cache?.isToldInTrailer == true, let cacheWord else { return [] }
        return [("x-aihub-cache", cacheWord.rawValue)]
    }

    // MARK: Keeping

    /// Whether this answer may be cached if it completes. Not if the budget capped it, nor if another model answered.
    var mayStore: Bool {
        if case .miss? = cache?.state { !relay.isCapped && !relay.isMisnamed } else { false }
    }

    mutating func keep(body: [UInt8], _ charge: Charge, at now: Int64) {
        guard mayStore, let request = admitted?.request,
            CacheEligibility.mayStore(body, request.operation, choices: request.size.choices)
        else { return }
        keep(body, isStream: false, charge, at: now)
    }

    /// Buffers an event that was relayed.
    mutating func keep(event: ArraySlice<UInt8>) {
        guard let count = kept?.count else { return }
        guard count + event.count <= CachedResponse.contentBytesMax, context.world.cache?.take(event.count) == true
        else {
            return dropKept()
        }
        kept? += event
    }

    mutating func keepStream(_ charge: Charge, at now: Int64) {
        guard mayStore, let kept, let request = admitted?.request,
            CacheEligibility.mayStore(events: kept, choices: request.size.choices)
        else { return }
        keep(kept, isStream: true, charge, at: now)
    }

    mutating func dropKept() {
        if let kept { context.world.cache?.giveBack(kept.count) }
        kept = nil
    }

    private mutating func keep(_ content: [UInt8], isStream: Bool, _ charge: Charge, at now: Int64) {
        guard let cache, let target = attempt?.target else { return }
        actions.append(
            .keepAnswer(
                cache.key,
                CachedResponse(
                    isStream: isStream, content: content, madeMs: context.wallMs + now - startedMs,
                    lifetimeMs: cache.policy.lifetimeMs, cost: charge.cost,
                    priceID: target.model.price(atMs: context.wallMs)?.id ?? 0,
                    model: (relay.model ?? target.deployment.upstreamModel).truncated(
                        toBytes: UsageEvent.modelBytesMax),
                    deployment: target.deployment.id)))
    }
}

extension GatewayError {
    /// Whether a cached answer may be returned in spite of this refusal, because it uses nothing of that limit.
    var isWaivedForCachedAnswers: Bool {
        switch kind {
        case .insufficientQuota, .budgetInFlight: true
        case .rateLimitExceeded: limit?.name == "tokens_per_minute"
        default: false
        }
    }
}
