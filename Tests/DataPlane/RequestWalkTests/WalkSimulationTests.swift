import Admission
import RequestWalk
import Testing

/// A small generator, so that a failing seed replays exactly.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}

/// Thousands of walks through random events in random order, each checked for what must always hold.
@Suite struct WalkSimulationTests {
    private static func event(_ random: inout Seeded, attempt: Int) -> WalkEvent {
        let datas = [Walker.text, Walker.finish, Walker.usage, "[DONE]", "nonsense", #"{"error":{"message":"x"}}"#]
        switch Int.random(in: 0..<18, using: &random) {
        case 0: return .attemptHead(attempt: attempt, status: 200, contentType: "text/event-stream", retryAfterMs: nil)
        case 1:
            return .attemptHead(
                attempt: attempt, status: [200, 400, 429, 500].randomElement(using: &random) ?? 500,
                contentType: "application/json", retryAfterMs: 5)
        case 2...7:
            let bytes = Array("data: \(datas.randomElement(using: &random) ?? "")\n\n".utf8)
            let cut = Int.random(in: 0...bytes.count, using: &random)
            return .attemptBytes(attempt: attempt, Array(bytes[..<cut]))
        case 8:
            return .attemptBytes(
                attempt: attempt, Array("data: \(Walker.text)\n\ndata: \(Walker.finish)\n\ndata: [DONE]\n\n".utf8))
        case 9: return .attemptEnded(attempt: attempt)
        case 10: return .attemptFailed(attempt: attempt, Bool.random(using: &random) ? .notSent("x") : .ambiguous("x"))
        case 11: return .clientBlocked
        case 12: return .clientReady
        case 13: return Int.random(in: 0..<5, using: &random) == 0 ? .clientGone : .clientReady
        case 14: return .timer(WalkTimer.allCases.randomElement(using: &random) ?? .ping)
        case 15: return Int.random(in: 0..<8, using: &random) == 0 ? .shutdown : .clientReady
        case 16: return .attemptBytes(attempt: attempt + 1, [1])
        default: return .admitAnswered(Walker.admission)
        }
    }

    /// What must hold after the walk has ended, however it went.
    private static func check(_ walker: Walker, admitted: Bool) -> [String] {
        var flaws: [String] = []
        if admitted, walker.settles.count != 1 { flaws.append("\(walker.settles.count) settles") }
        var ended = false
        var heads = 0
        var running: Set<Int> = []
        for action in walker.actions {
            switch action {
            case .respond, .respondHead:
                heads += 1
                if ended { flaws.append("a head after the end") }
                if case .respond = action { ended = true }
            case .respondBytes: if ended { flaws.append("bytes after the end") }
            case .respondEnd:
                if ended { flaws.append("a second end") }
                ended = true
            case .startAttempt(let request):
                if !running.subtracting(walker.over).isEmpty { flaws.append("two attempts at once") }
                if !walker.settles.isEmpty, ended { flaws.append("an attempt after settle") }
                running = [request.attempt]
            case .cancelAttempt(let number), .releaseAttempt(let number): running.remove(number)
            default: break
            }
        }
        if !running.subtracting(walker.over).isEmpty { flaws.append("an attempt runs on after the end") }
        if heads > 1 { flaws.append("\(heads) heads") }
        return flaws
    }

    @Test("holds its promises in any order of events", arguments: 0..<40)
    func anyOrder(block: Int) {
        for seed in (block * 250)..<(block * 250 + 250) {
            var random = Seeded(state: UInt64(seed) &* 0x9e37_79b9 &+ 1)
            var walker = Walker(fallbacks: Int.random(in: 1...3, using: &random))
            walker.dispatch(stream: Bool.random(using: &random), usage: false)
            var steps = 0
            while !walker.walk.isFinished, steps < 200 {
                steps += 1
                walker.now += Int64.random(in: 0...50, using: &random)
                walker.feed(Self.event(&random, attempt: walker.attempts.last ?? 1))
            }
            if !walker.walk.isFinished { walker.feed(.timer(.total)) }
            let after = walker.actions.count
            for event in [WalkEvent.clientGone, .shutdown, .timer(.total), .attemptEnded(attempt: 1)] {
                walker.feed(event)
            }
            #expect(walker.actions.count == after, "seed \(seed): something happened after the end")
            let flaws = Self.check(walker, admitted: true)
            #expect(flaws.isEmpty, "seed \(seed): \(flaws)")
        }
    }
}
