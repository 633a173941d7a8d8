internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import ResponseCache
internal import Routing

/// What the cache is to one request: it may hold its answer, and may be given the answer to store.
struct CacheRole {
    /// How this request uses the cache; `nil` when it does not.
    private var use: CacheUse?
    /// What was relayed of a stream that may be cached.
    private var kept: [UInt8]?

    var state: CacheUse.State? { use?.state }
    /// `nil` where this request does not use the cache.
    var word: CacheUse.Word? { use?.word }

    // MARK: Looking up

    /// - Parameter digest: of the body; `nil` if the request may not be cached.
    /// - Returns: what to look up; `nil` if nothing is to be read, or it has been asked for already.
    mutating func lookUp(
        _ request: InferenceRequest, _ digest: CanonicalDigest?, _ control: String?, _ caller: Caller,
        _ context: WalkContext
    ) -> CacheLookUp? {
        guard let shared = context.world.cache else { return nil }
        let name = context.world.nameInCache(request.model)
        let policy = CachePolicy(
            defaultSeconds: shared.defaultSeconds, keySeconds: caller.record.cacheSeconds, nameSeconds: name.seconds,
            CacheControl(control))
        // The key's record was read again, but the cache was asked before.
        if let policy, use != nil {
            use?.policy = policy
            return nil
        }
        guard let policy, let digest, let body = digest.finish() else {
            use = nil
            return nil
        }
        let key = shared.secrets.key(
            org: caller.record.orgID, request.operation, body: body, definition: name.definition)
        use = CacheUse(key: key, policy: policy, state: policy.mayRead ? .asking : .miss)
        return policy.mayRead ? CacheLookUp(key: key, ageMsMax: policy.ageMsMax) : nil
    }

    /// - Returns: whether the cache was still being asked.
    mutating func answered(_ reply: CacheReply, streams: Bool) -> Bool {
        guard case .asking? = use?.state else { return false }
        switch reply {
        case .hit(let answer): use?.state = answer.isStream == streams ? .hit(answer) : .unavailable
        case .miss: use?.state = .miss
        case .unavailable: use?.state = .unavailable
        }
        return true
    }

    // MARK: Response headers

    func addHeaders(to block: inout HeaderBlock, _ context: WalkContext) {
        guard context.world.cache != nil else { return }
        if case .asking? = use?.state { return }
        block.add("x-aihub-cache", (word ?? .bypass).rawValue)
        guard case .hit(let answer)? = use?.state else { return }
        block.add("age", answer.ageMs(at: context.wallMs) / 1_000)
    }

    /// Whether the head of a stream, sent now, must announce the cache header as a trailer.
    mutating func announcesTrailer() -> Bool {
        guard case .asking? = use?.state else { return false }
        use?.isToldInTrailer = true
        return true
    }

    /// The cache header, as a trailer, if it was not known when the head was sent.
    var trailer: [(String, String)] {
        guard let use, use.isToldInTrailer else { return [] }
        return [("x-aihub-cache", use.word.rawValue)]
    }

    // MARK: Storing

    /// Whether this answer may be cached if it completes. Not if the budget capped it, nor if another model answered.
    func mayStore(_ hold: RunningHold, _ tally: AnswerTally) -> Bool {
        if case .miss? = use?.state { hold.outputLimit == nil && !tally.isMisnamed } else { false }
    }

    mutating func beginRecording() { kept = [] }

    /// Buffers an event that was relayed.
    mutating func record(_ event: ArraySlice<UInt8>, _ cache: WalkCache?) {
        guard let count = kept?.count else { return }
        guard count + event.count <= CachedResponse.contentBytesMax, cache?.take(event.count) == true else {
            return dropRecording(cache)
        }
        kept? += event
    }

    mutating func dropRecording(_ cache: WalkCache?) {
        if let kept { cache?.giveBack(kept.count) }
        kept = nil
    }

    /// Stores an answer that is complete and valid.
    ///
    /// - Parameter body: `nil` for the stream that was recorded.
    /// - Parameter tookMs: how long ago the request began.
    func stored(
        _ body: [UInt8]?, _ hold: RunningHold, _ tally: AnswerTally, cost: NanoUSD, _ context: WalkContext,
        tookMs: Int64
    ) -> WalkAction? {
        guard let use, mayStore(hold, tally), let content = body ?? kept else { return nil }
        let request = hold.admitted.request
        let isValid =
            body == nil
            ? CacheEligibility.mayStore(events: content, choices: request.size.choices)
            : CacheEligibility.mayStore(content, request.operation, choices: request.size.choices)
        guard isValid else { return nil }
        let target = hold.target
        return .keepAnswer(
            use.key,
            CachedResponse(
                isStream: body == nil, content: content, madeMs: context.wallMs + tookMs,
                lifetimeMs: use.policy.lifetimeMs, cost: cost,
                priceID: target.model.price(atMs: context.wallMs)?.id ?? 0,
                model: tally.modelName(on: target), deployment: target.deployment.id))
    }
}
