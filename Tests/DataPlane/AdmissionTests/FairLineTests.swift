import Admission
import Testing

@Suite struct FairLineTests {
    /// A line with at most `underWay` running and `waiting` queued, both fixed.
    private func line(underWay: Int, waiting: Int) -> FairLine<Int> {
        FairLine(
            underWay: AdaptiveLimit(underWay...underWay, start: underWay, spareUs: 10_000, mostUs: 10_000),
            waitingMax: waiting, waitMs: 100)
    }

    @Test("a caller with one call waits for one call of each other caller")
    func turns() {
        var line = line(underWay: 1, waiting: 100)
        for call in 0...20 { _ = line.enter("greedy", call, atMs: 0) }
        for caller in ["a", "b"] { _ = line.enter(caller, 0, atMs: 0) }
        var served: [String] = []
        var current = "greedy"
        for _ in 0..<5 {
            line.ended(current, tookUs: 1_000, atMs: 1)
            guard let next = line.next(atMs: 1) else { break }
            current = next.caller
            served.append(next.caller)
        }
        #expect(served == ["greedy", "a", "b", "greedy", "greedy"])
    }

    @Test("calls of one caller keep their order, and each is made once")
    func order() {
        var line = line(underWay: 2, waiting: 1_000)
        for call in 0..<300 { _ = line.enter("a", call, atMs: 0) }
        var made: [Int] = []
        for _ in 0..<298 {
            line.ended("a", tookUs: 1_000, atMs: 1)
            while let next = line.next(atMs: 1) { made.append(next.job) }
        }
        #expect(made == Array(2..<300))
        let (underWay, waiting) = (line.underWay, line.waiting)
        #expect(underWay == 2 && waiting == 0)
    }

    @Test("greedy callers share the room, and there is room for the next one", arguments: [1, 2, 4])
    func room(greedy: Int) {
        var line = line(underWay: 4, waiting: 1_000)
        var waiting = [Int](repeating: 0, count: greedy)
        for _ in 0..<1_000 {
            for caller in 0..<greedy where line.enter("greedy\(caller)", 0, atMs: 0) == .waits { waiting[caller] += 1 }
        }
        for count in waiting { #expect(abs(count - 1_000 / (greedy + 1)) <= 4) }
        let place = line.enter("modest", 0, atMs: 0)
        #expect(place == .waits)
        let greedyAreOver = (0..<greedy).allSatisfy { line.isOverShare("greedy\($0)") }
        let modestIsOver = line.isOverShare("modest")
        #expect(greedyAreOver && !modestIsOver)
    }

    @Test("a line whose first call has waited too long takes no more, and others go on")
    func old() {
        var line = line(underWay: 1, waiting: 1_000)
        for call in 0..<3 { _ = line.enter("greedy", call, atMs: 0) }
        let before = line.enter("greedy", 3, atMs: 99)
        let after = line.enter("greedy", 4, atMs: 100)
        let other = line.enter("other", 0, atMs: 100)
        #expect(before == .waits && after == .isRefused && other == .waits)
        // Its first two are served: the next request in line came later.
        var current = "greedy"
        for _ in 0..<3 {
            line.ended(current, tookUs: 1_000, atMs: 100)
            current = line.next(atMs: 100)?.caller ?? ""
        }
        let again = line.enter("greedy", 5, atMs: 150)
        #expect(again == .waits)
    }

    @Test("who had a call a moment ago still counts as one who shares")
    func remembered() {
        var line = line(underWay: 2, waiting: 100)
        _ = line.enter("modest", 0, atMs: 0)
        line.ended("modest", tookUs: 1_000, atMs: 5)
        for call in 0..<10 { _ = line.enter("greedy", call, atMs: 6) }
        let isOver = line.isOverShare("greedy")
        line.ended("greedy", tookUs: 1_000, atMs: 1_010)
        let isOverAlone = line.isOverShare("greedy")
        #expect(isOver && !isOverAlone)
    }

    @Test("never more are under way than may be")
    func bound() {
        var line = line(underWay: 8, waiting: 64)
        var random = SystemRandomNumberGenerator()
        var running: [String] = []
        for step in 0..<10_000 {
            if Bool.random(using: &random) {
                let caller = "c\(Int.random(in: 0..<5, using: &random))"
                if line.enter(caller, step, atMs: Int64(step)) == .goes { running.append(caller) }
            } else if let ended = running.popLast() {
                line.ended(ended, tookUs: 1_000, atMs: Int64(step))
                while let next = line.next(atMs: Int64(step)) { running.append(next.caller) }
            }
            let (underWay, waiting) = (line.underWay, line.waiting)
            #expect(underWay == running.count && underWay <= 8 && waiting <= 64)
        }
    }
}

@Suite struct AdaptiveLimitTests {
    /// A server `wayUs` away that handles `perMs` calls a millisecond and always gets as many as the limit allows.
    private func settled(_ wayUs: Int64, perMs: Int64) -> Int {
        var limit = AdaptiveLimit(1...10_000, start: 10, spareUs: 1_500, mostUs: 20_000)
        limit.note(tookUs: wayUs, isUsed: false, atMs: 0)
        for turn in Int64(0)..<20_000 {
            limit.note(tookUs: max(wayUs, Int64(limit.value) * 1_000 / perMs), isUsed: true, atMs: turn)
        }
        return limit.value
    }

    @Test(
        "the limit settles where its calls take the spare time more than the way",
        arguments: [(200, 10), (5_000, 3), (2_000, 40)])
    func target(wayUs: Int64, perMs: Int64) {
        let wanted = Int((wayUs + 1_500) * perMs / 1_000) + 1
        #expect(settled(wayUs, perMs: perMs) <= wanted && settled(wayUs, perMs: perMs) > wanted * 3 / 4)
    }

    @Test("what is so far away that every call takes long is asked no less for it, but never more than the most")
    func most() {
        #expect(settled(25_000, perMs: 10) == 1)
        #expect(settled(18_000, perMs: 10) > 150)
    }

    @Test("another way is another least time")
    func forgets() {
        var limit = AdaptiveLimit(16...256, start: 64, spareUs: 1_500, mostUs: 20_000)
        limit.note(tookUs: 100, isUsed: true, atMs: 0)
        limit.note(tookUs: 4_000, isUsed: true, atMs: 100)
        #expect(limit.value == 56)
        limit.forgetLeast()
        limit.note(tookUs: 4_000, isUsed: true, atMs: 200)
        #expect(limit.value == 56)
    }

    @Test("a limit that is not used does not rise, and one late batch counts once")
    func rises() {
        var limit = AdaptiveLimit(16...256, start: 64, spareUs: 1_500, mostUs: 10_000)
        for at in Int64(0)..<1_000 { limit.note(tookUs: 1_000, isUsed: false, atMs: at) }
        #expect(limit.value == 64)
        for _ in 0..<50 { limit.note(tookUs: 40_000, isUsed: true, atMs: 1_000) }
        #expect(limit.value == 56)
        for at in Int64(2_000)..<4_000 { limit.note(tookUs: 40_000, isUsed: true, atMs: at) }
        #expect(limit.value == 16)
    }
}
