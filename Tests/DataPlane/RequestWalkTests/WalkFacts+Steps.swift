import Admission
import GatewayModel
import PlaneContract
import RequestWalk
import ResponseCache
import Routing

/// What each event and each action adds to the known facts.
extension WalkFacts {
    mutating func saw(_ event: WalkEvent) {
        self.event = event
        guard !isFinished else { return }
        if event.isReply { questions -= 1 }
        switch event {
        case .body(let bytes):
            bodyBytes += bytes.count
            if isRefused { unwantedBytes += bytes.count }
        case .bodyEnd:
            bodyIsComplete = true
            bodyIsDue = false
        case .requestBroken: bodyIsDue = false
        case .keyFound(let lookup):
            if case .found(let caller) = lookup { keyIsLive = caller.isLive }
            isRefused = !keyIsLive
        case .admitAnswered(.verdict(.admitted)):
            isAdmitted = true
            admitIsOpen = false
            beginIsOpen = false
        case .beginAnswered(.verdict(.begun)), .beginAnswered(.verdict(.unreadable)), .beginAnswered(.unavailable):
            break
        case .beginAnswered(.verdict), .beginAnswered(.notAsked): beginIsOpen = false
        case .admitAnswered(.verdict(.unreadable)): break
        case .admitAnswered(.verdict(.refused(let error))):
            admitIsOpen = false
            refusalIsWaived = error.kind != .rateLimitExceeded || error.limit?.name == "tokens_per_minute"
        case .admitAnswered(.verdict), .admitAnswered(.notAsked): admitIsOpen = false
        case .cacheAnswered(let reply):
            if cacheIsAsked, attempts.isEmpty, case .hit(let answer) = reply, answer.isStream == scenario.streams {
                atHand = answer
            }
            cacheIsAsked = false
        case .attemptHead(let number, let status, let contentType, _):
            change(number) {
                $0.status = status
                $0.isEventStream = contentType.lowercased().hasPrefix("text/event-stream")
            }
        case .attemptBytes(let number, let bytes):
            let bounds = scenario.bounds
            change(number) {
                let limit = $0.isEventStream ? bounds.streamBytesMax : bounds.answerBytesMax
                if $0.bytes + bytes.count <= limit { $0.bytes += bytes.count }
            }
        case .attemptEnded(let number):
            change(number) {
                $0.endedWell = true
                $0.isRunning = false
            }
        case .attemptFailed(let number, let failure):
            change(number) {
                if case .ambiguous = failure { $0.mayHaveBeenReceived = true }
                $0.isRunning = false
            }
        case .timer(let timer): timers.remove(timer)
        case .clientGone: callerIsGone = true
        case .progressAnswered(let verdict):
            reportsDue -= 1
            if !readsOn, case .held(let held, _) = verdict { grownHold = max(grownHold, held) }
        case .head, .admitAnswered, .peeked, .parsed, .requestFound, .clientBlocked, .clientReady, .shutdown:
            break
        }
    }

    mutating func did(_ action: WalkAction) {
        switch action {
        case .lookUpKey:
            questions += 1
            keyIsLive = false
            isRefused = !scenario.isChat
        case .begin:
            beginIsAsked = true
            beginIsOpen = true
            questions += 1
        case .admit(let request):
            admit = request
            admitsAsked += 1
            admitIsOpen = true
            questions += 1
        case .lookUpAnswer:
            cacheIsAsked = true
            questions += 1
        case .startAttempt(let request):
            let script = scenario.scripts[min(attempts.count, scenario.scripts.count - 1)]
            attempts.append(
                Attempt(
                    script: script, deployment: request.target.deployment.id,
                    upstreamModel: JSONDocument(request.body)?.model ?? "",
                    stops: request.target.deployment.afterClose == .stops))
        case .cancelAttempt(let number):
            change(number) {
                $0.isRunning = false
                $0.isClosed = true
            }
        case .releaseAttempt(let number): change(number) { $0.isRunning = false }
        case .pauseAttempt(let number): change(number) { $0.isPaused = true }
        case .resumeAttempt(let number): change(number) { $0.isPaused = false }
        case .respond(let response, _):
            status = response.status
            written += response.body
            isAnswered = true
        case .respondHead(let status, _):
            self.status = status
            isStream = true
        case .respondBytes(let bytes):
            written += bytes
            if !bytes.starts(with: [UInt8(ascii: ":")]) { dataIsWritten = true }
        case .respondEnd: isAnswered = true
        case .setTimer(let timer, _): timers.insert(timer)
        case .cancelTimer(let timer): timers.remove(timer)
        case .settle(let request): settles.append(request)
        case .finished: isFinished = true
        case .peek, .findRequest, .parse: questions += 1
        case .noteAttempt(let report): notes.append(report)
        case .reportProgress: reportsDue += 1
        case .readOn:
            readsOn = true
            if let last = attempts.indices.last { attempts[last].heardBytes = attempts[last].bytes }
            timers.insert(.total)
        case .keepAnswer: break
        }
    }

    /// Late events of an attempt that was given up change nothing.
    private mutating func change(_ number: Int, _ body: (inout Attempt) -> Void) {
        guard attempts.indices.contains(number - 1), attempts[number - 1].isRunning else { return }
        body(&attempts[number - 1])
    }
}

extension WalkEvent {
    fileprivate var isReply: Bool {
        switch self {
        case .keyFound, .peeked, .beginAnswered, .parsed, .admitAnswered, .cacheAnswered: true
        default: false
        }
    }
}

extension Caller {
    fileprivate var isLive: Bool { record.status == .active && (record.expiresAtMs ?? .max) > RandomWalk.wallMs }
}
