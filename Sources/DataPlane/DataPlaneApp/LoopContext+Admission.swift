internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import Reactor
internal import Redis
internal import RequestWalk

/// Looking up keys, admitting and settling: what a request asks of the limiter, in its turn at the gate.
extension LoopContext {
    func lookUpKey(
        digests: [String], fresh: Bool, from address: () -> PeerAddress, reply: @escaping (KeyLookup) -> Void
    ) {
        keys.lookUp(digests, fresh: fresh, from: address) { [self] lookup in
            if case .found(let caller) = lookup, let error = gate.refusal(of: caller.record.keyID) {
                return reply(.notAsked(error))
            }
            reply(lookup)
        }
    }

    func peek(_ caller: Caller, reply: @escaping (PeekVerdict) -> Void) {
        let keyID = caller.record.keyID
        let lastKnown = { [self] in lastUse[keyID].map { PeekVerdict.lastKnown($0) } ?? .unavailable }
        gate.call(for: keyID) { [self] answered in
            limiter.peek(caller, answered: answered) { [self] verdict in
                switch verdict {
                case .use(let use):
                    if lastUse.count >= Self.lastUseMax { lastUse.removeAll(keepingCapacity: true) }
                    lastUse[keyID] = use
                    reply(verdict)
                case .unavailable: reply(lastKnown())
                case .stale, .lastKnown: reply(verdict)
                }
            }
        } refuse: { _ in
            reply(lastKnown())
        }
    }

    func findRequest(_ id: String, of caller: Caller, reply: @escaping (RequestLookup) -> Void) {
        gate.call(for: caller.record.keyID) { [self] answered in
            limiter.call({ RequestLookup.write(id, of: caller, into: &$0) }) { [self] result in
                answered(limiter.tookUs(result))
                guard case .success(let value) = result, let items = value.array else { return reply(.unavailable) }
                reply(RequestLookup(reply: items.map { $0.string ?? "" }, for: caller.record))
            }
        } refuse: { _ in
            reply(.unavailable)
        }
    }

    func begin(_ request: BeginRequest, reply: @escaping (BeginAnswer) -> Void) {
        guard !settlements.isFull else { return reply(.notAsked(nil)) }
        gate.call(for: request.caller.record.keyID, id: request.id.text) { [self] answered in
            limiter.begin(request, answered: answered, reply: reply)
        } refuse: {
            reply(.notAsked($0))
        }
    }

    func parse(_ body: BodyTask, reply: @escaping (ParsedBody) -> Void) {
        let onLoop = Unchecked(reply)
        let hasRoom = bodyParser.run(holding: body.byteCount) { [reactor] in
            let parsed = body.run()
            // The reply's captures belong to the loop.
            reactor.execute { onLoop.value(parsed) }
        }
        if !hasRoom { reply(.overloaded) }
    }

    func admit(_ request: AdmitRequest, reply: @escaping (AdmitAnswer) -> Void) {
        guard !settlements.isFull else { return reply(.notAsked(nil)) }
        // A begun request has a record in Redis that must be cancelled there, so it is never withdrawn.
        let id = request.hasBegun ? nil : request.id.text
        gate.call(for: request.caller.record.keyID, id: id) { [self] answered in
            ask(request, answered, reply)
        } refuse: {
            reply(.notAsked($0))
        }
    }

    private func ask(
        _ request: AdmitRequest, _ answered: @escaping (Int64?) -> Void, _ reply: @escaping (AdmitAnswer) -> Void
    ) {
        limiter.admit(request, answered: answered) { [self] answer in
            switch answer {
            case .verdict(.admitted(let admission)): settlements.admitted(request, admission)
            case .unavailable, .notAsked: return admitLocally(request, or: answer, reply)
            // Counters of a fenced shard cannot be trusted yet, but record versions can: report a changed key.
            case .verdict(.fenced):
                return limiter.peek(request.caller) { [self] verdict in
                    if case .stale = verdict { return reply(.verdict(.stale)) }
                    admitLocally(request, or: answer, reply)
                }
            case .verdict: break
            }
            reply(answer)
        }
    }

    private func admitLocally(
        _ request: AdmitRequest, or answer: AdmitAnswer, _ reply: @escaping (AdmitAnswer) -> Void
    ) {
        guard let admission = local.admit(request) else { return reply(answer) }
        settlements.admitted(request, admission)
        reply(.verdict(.admitted(admission)))
    }

    func settle(_ request: SettleRequest) {
        // Still queued at the gate: the limiter has nothing to cancel.
        if request.target == .cancelled, gate.withdraw(request.id) { return }
        local.ended(request.id)
        settlements.settle(request)
    }

    func reportProgress(_ report: ProgressReport, reply: @escaping (ProgressVerdict) -> Void) {
        settlements.report(report, loopID: loopID, reply: reply)
    }
}
