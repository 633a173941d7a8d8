import Admission
import GatewayModel
import PlaneContract
import RequestWalk

/// The surroundings of one walk, each part keeping its side of the contract.
///
/// A caller who sends their body in order, keys and limiter that answer each question once, providers that follow their
/// scripts, and timers that fire in order and only while they are set.
struct Surroundings {
    private enum Turn {
        case body, breakBody, lookUp, peek, begin, parse, admit, cache, progress, attempt(Int), timer, flow, leave,
            shutDown
    }

    /// Events of an attempt that are already in flight when it is stopped or paused.
    private static let lateWordsMax = 2

    let scenario: WalkScenario
    private(set) var now: Int64 = 1_000
    var random: Seeded
    private var steps = 0
    private var bodyPiecesSent = 0
    private var bodyIsSent = false
    private var owesLookUp = false
    private var owesPeek = false
    private var owesBegin = false
    private var owedBody: BodyTask?
    private var owesAdmit = false
    private var owesCache = false
    private(set) var askedHold = NanoUSD.zero
    private(set) var isAskedForTheRate = false
    private var owedProgress: [NanoUSD] = []
    private var attempts: [Int: (at: Int, lateWords: Int)] = [:]
    private var timers: [WalkTimer: Int64] = [:]
    private var isBlocked = false
    /// Whether the walk continues without its caller.
    private var isDetached = false

    init(_ scenario: WalkScenario, _ random: Seeded) {
        self.scenario = scenario
        self.random = random
    }

    // MARK: What may happen next

    mutating func next() -> WalkEvent {
        steps += 1
        if steps == 1 { return .head(scenario.head) }
        now += .random(in: 0...12, using: &random)
        if steps > scenario.cutAfter { return random.once(in: 2) && !isDetached ? .clientGone : .shutdown }
        var turns: [Turn] = []
        if !bodyIsSent, !isDetached { turns += [.body, .body] }
        if owesLookUp { turns.append(.lookUp) }
        if owesPeek { turns.append(.peek) }
        if owesBegin { turns.append(.begin) }
        if owedBody != nil { turns.append(.parse) }
        if owesAdmit { turns.append(.admit) }
        if owesCache { turns.append(.cache) }
        if !owedProgress.isEmpty { turns.append(.progress) }
        for number in attempts.keys.sorted() where hasWords(number) { turns += [.attempt(number), .attempt(number)] }
        // States after the cache look-up must be reached too, so deadlines expire less often there.
        if !timers.isEmpty, turns.isEmpty || !scenario.hasCache || random.once(in: 4) { turns.append(.timer) }
        if turns.isEmpty || random.once(in: 12) {
            turns = isDetached ? [.shutDown] : [.flow, .flow, .flow, .leave, .shutDown]
            if !bodyIsSent, !isDetached { turns.append(.breakBody) }
        }
        return take(random.pick(turns))
    }

    private func hasWords(_ number: Int) -> Bool {
        guard let attempt = attempts[number], attempt.lateWords > 0 else { return false }
        return attempt.at < scenario.scripts[number - 1].steps.count
    }

    private mutating func take(_ turn: Turn) -> WalkEvent {
        switch turn {
        case .body: return nextOfBody()
        case .breakBody:
            bodyIsSent = true
            return .requestBroken(GatewayError(.requestTimeout, "The body came too slowly."))
        case .lookUp:
            owesLookUp = false
            return .keyFound(lookUpAnswer())
        case .peek:
            owesPeek = false
            return .peeked(
                random.pick([.unavailable, Fixture.use, scenario.oddities.contains(.limiter) ? .stale : Fixture.use]))
        case .begin:
            owesBegin = false
            return .beginAnswered(beginAnswer())
        case .parse:
            defer { owedBody = nil }
            return owedBody.map { .parsed($0.run()) } ?? .clientReady
        case .admit:
            owesAdmit = false
            return .admitAnswered(admitAnswer())
        case .cache:
            owesCache = false
            return .cacheAnswered(cacheAnswer())
        case .progress: return .progressAnswered(progressAnswer(to: owedProgress.removeFirst()))
        case .attempt(let number): return nextWord(of: number)
        case .timer: return nextTimer()
        case .flow:
            isBlocked.toggle()
            return isBlocked ? .clientBlocked : .clientReady
        case .leave: return .clientGone
        case .shutDown: return .shutdown
        }
    }

    private mutating func nextOfBody() -> WalkEvent {
        guard bodyPiecesSent < scenario.bodyPieces.count else {
            bodyIsSent = true
            return .bodyEnd
        }
        bodyPiecesSent += 1
        return .body(scenario.bodyPieces[bodyPiecesSent - 1])
    }

    private mutating func nextWord(of number: Int) -> WalkEvent {
        guard var attempt = attempts[number] else { return .attemptEnded(attempt: number) }
        let word = scenario.scripts[number - 1].steps[attempt.at]
        attempt.at += 1
        // A running attempt has no bound on its events.
        if attempt.lateWords < .max { attempt.lateWords -= 1 }
        attempts[number] = attempt
        return word
    }

    private mutating func nextTimer() -> WalkEvent {
        guard let (timer, due) = timers.min(by: { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }) else {
            return .timer(.total)
        }
        timers[timer] = nil
        now = max(now, due)
        return .timer(timer)
    }

    // MARK: What the walk asks for

    mutating func carryOut(_ action: WalkAction) {
        switch action {
        case .lookUpKey: owesLookUp = true
        case .peek, .findRequest: owesPeek = true
        case .begin: owesBegin = true
        case .parse(let task): owedBody = task
        case .admit(let request):
            owesAdmit = true
            askedHold = request.hold
            isAskedForTheRate = request.isForCachedResponse
        case .lookUpAnswer: owesCache = true
        case .startAttempt(let request) where request.attempt <= scenario.scripts.count:
            attempts[request.attempt] = (0, .max)
        case .cancelAttempt(let number), .releaseAttempt(let number), .pauseAttempt(let number):
            attempts[number]?.lateWords = Self.lateWordsMax
        case .resumeAttempt(let number): attempts[number]?.lateWords = .max
        case .setTimer(let timer, let afterMs): timers[timer] = now + afterMs
        case .cancelTimer(let timer): timers[timer] = nil
        case .reportProgress(let report): owedProgress.append(report.hold)
        case .readOn(_, let deadlineMs):
            isDetached = true
            timers = [.total: now + deadlineMs]
        case .startAttempt, .keepAnswer, .noteAttempt, .respond, .respondHead, .respondBytes, .respondEnd, .settle,
            .finished:
            break
        }
    }

    /// Everything that may still arrive after the end.
    func aftermath() -> [WalkEvent] {
        scenario.scripts.flatMap(\.steps) + WalkTimer.allCases.map { .timer($0) } + [
            .keyFound(.found(Walker.caller)), .peeked(.unavailable), .cacheAnswered(.miss),
            .cacheAnswered(.hit(Fixture.cached(streams: scenario.streams))),
            .beginAnswered(.verdict(.begun)), .admitAnswered(Walker.admission(holding: askedHold)),
            .admitAnswered(.unavailable), .body([1]), .bodyEnd, .clientBlocked, .clientReady, .shutdown, .clientGone,
        ]
    }
}
