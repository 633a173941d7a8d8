internal import Admission
internal import GatewayModel
internal import Reactor
internal import RequestWalk

/// Feeds events to the walk of the current request and carries out its actions.
extension ClientConnection {
    func feed(_ event: WalkEvent) {
        guard let running = walk else { return }
        // An action may feed the next event before this loop ends; that nested call finds `spareActions` empty and
        // allocates.
        var actions: [WalkAction] = []
        swap(&actions, &spareActions)
        reactor.enter(LoopStage(event))
        running.handle(event, at: reactor.nowMs, into: &actions)
        if heldBody != nil, !running.holdsBody { releaseBody() }
        for action in actions { carryOut(action, for: running) }
        actions.removeAll(keepingCapacity: true)
        swap(&actions, &spareActions)
        guard !isClosed else { return }
        if !isBusy, requestIsComplete { prepareForNext() }
        if !isProcessing { flush() }
    }

    /// Drops a reply that arrives after its request has ended: there is another walk by then, or none.
    private func feed(_ event: WalkEvent, for id: RequestID) {
        guard walk?.id == id else { return }
        feed(event)
    }

    private var callerAddress: PeerAddress {
        CallerAddress.of(
            peer: address ?? PeerAddress(bytes: []), forwardedFor: forwardedFor,
            isTrusted: { slot?.isTrusted($0) ?? false })
    }

    private func carryOut(_ action: WalkAction, for running: RunningWalk) {
        let id = running.id
        switch action {
        case .lookUpKey(let digests, let fresh):
            services.lookUpKey(digests: digests, fresh: fresh, from: { callerAddress }) { [self] in
                feed(.keyFound($0), for: id)
            }
        case .peek(let caller):
            services.peek(caller) { [self] in feed(.peeked($0), for: id) }
        case .findRequest(let caller, let requestID):
            services.findRequest(requestID, of: caller) { [self] in feed(.requestFound($0), for: id) }
        case .begin(let request):
            services.begin(request) { [self] in feed(.beginAnswered($0), for: id) }
        case .parse(let body):
            services.parse(body) { [self] in feed(.parsed($0), for: id) }
        case .admit(let request):
            services.admit(request) { [self] in feed(.admitAnswered($0), for: id) }
        case .lookUpAnswer(let lookUp):
            services.lookUpResponse(lookUp, for: id) { [self] in feed(.cacheAnswered($0), for: id) }
        case .keepAnswer(let key, let answer): services.store(answer, as: key, from: id)
        case .startAttempt(let request):
            attempts[request.attempt] = services.startAttempt(request) { [self] event in
                if let readsOn = running.readsOn { readsOn(event) } else { feed(event, for: id) }
            }
        case .cancelAttempt(let number): attempts.removeValue(forKey: number)?.cancel()
        case .releaseAttempt(let number): attempts.removeValue(forKey: number)?.release()
        case .readOn(let keyID, let deadlineMs):
            services.completionReader.add(running, attempts, keyID: keyID, deadlineMs: deadlineMs)
            attempts.removeAll()
            releaseBody()
            walk = nil
        case .pauseAttempt(let number): attempts[number]?.pause()
        case .resumeAttempt(let number): attempts[number]?.resume()
        case .noteAttempt(let report): services.record(report)
        case .respond(let response, let close): if !isClosed { write(response, close: close) }
        case .respondHead(let status, let headers): if !isClosed { writeHead(status, headers) }
        case .respondBytes(let bytes): if !isClosed { writeBytes(bytes) }
        case .respondEnd(let trailers): if !isClosed { writeEnd(trailers) }
        case .setTimer(let timer, let milliseconds): if !isClosed { set(timer.rawValue, afterMs: milliseconds) }
        case .cancelTimer(let timer): deadlines.cancel(timer.rawValue)
        case .reportProgress(let report):
            services.reportProgress(report) { [self] in feed(.progressAnswered($0), for: id) }
        case .settle(let request):
            reactor.enter(.settle)
            services.settle(request)
        case .finished(let report):
            attempts.removeAll(keepingCapacity: true)
            services.finished(report)
        }
    }
}

extension LoopStage {
    /// The stage of the loop in which a walk handles the event.
    init(_ event: WalkEvent) {
        self =
            switch event {
            case .head: .head
            case .body: .body
            case .bodyEnd, .keyFound, .peeked, .requestFound, .beginAnswered: .parse
            case .parsed, .admitAnswered, .cacheAnswered: .translate
            case .attemptHead, .attemptBytes, .attemptEnded, .attemptFailed: .relay
            case .progressAnswered, .clientGone, .clientBlocked, .clientReady, .requestBroken, .timer, .shutdown: .timer
            }
    }
}
