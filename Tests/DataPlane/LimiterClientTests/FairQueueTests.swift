import LimiterClient
import Testing

@Suite struct FairQueueTests {
    /// A queue with at most `inFlight` running and `queuedCount` queued, both fixed.
    private func queue(inFlight: Int, queuedCount: Int) -> FairQueue<Int> {
        FairQueue(
            inFlight: AdaptiveLimit(inFlight...inFlight, start: inFlight, spareUs: 10_000, latencyUsMax: 10_000),
            queuedMax: queuedCount, waitMs: 100)
    }

    @Test("a caller with one call waits for one call of each other caller")
    func turns() {
        var queue = queue(inFlight: 1, queuedCount: 100)
        for call in 0...20 { _ = queue.enqueue("greedy", call, atMs: 0) }
        for caller in ["a", "b"] { _ = queue.enqueue(caller, 0, atMs: 0) }
        var served: [String] = []
        var current = "greedy"
        for _ in 0..<5 {
            queue.ended(current, tookUs: 1_000, atMs: 1)
            guard let next = queue.next(atMs: 1) else { break }
            current = next.caller
            served.append(next.caller)
        }
        #expect(served == ["greedy", "a", "b", "greedy", "greedy"])
    }

    @Test("calls of one caller keep their order, and each is made once")
    func order() {
        var queue = queue(inFlight: 2, queuedCount: 1_000)
        for call in 0..<300 { _ = queue.enqueue("a", call, atMs: 0) }
        var made: [Int] = []
        for _ in 0..<298 {
            queue.ended("a", tookUs: 1_000, atMs: 1)
            while let next = queue.next(atMs: 1) { made.append(next.job) }
        }
        #expect(made == Array(2..<300))
        let (inFlight, queuedCount) = (queue.inFlight, queue.queuedCount)
        #expect(inFlight == 2 && queuedCount == 0)
    }

    @Test("greedy callers share the room, and there is room for the next one", arguments: [1, 2, 4])
    func room(greedy: Int) {
        var queue = queue(inFlight: 4, queuedCount: 1_000)
        var queuedCount = [Int](repeating: 0, count: greedy)
        for _ in 0..<1_000 {
            for caller in 0..<greedy where queue.enqueue("greedy\(caller)", 0, atMs: 0) == .queued {
                queuedCount[caller] += 1
            }
        }
        for count in queuedCount { #expect(abs(count - 1_000 / (greedy + 1)) <= 4) }
        let place = queue.enqueue("modest", 0, atMs: 0)
        #expect(place == .queued)
        let greedyAreOver = (0..<greedy).allSatisfy { queue.isOverShare("greedy\($0)") }
        let modestIsOver = queue.isOverShare("modest")
        #expect(greedyAreOver && !modestIsOver)
    }

    @Test("a queue whose first call has waited too long takes no more, and others go on")
    func old() {
        var queue = queue(inFlight: 1, queuedCount: 1_000)
        for call in 0..<3 { _ = queue.enqueue("greedy", call, atMs: 0) }
        let before = queue.enqueue("greedy", 3, atMs: 99)
        let after = queue.enqueue("greedy", 4, atMs: 100)
        let other = queue.enqueue("other", 0, atMs: 100)
        #expect(before == .queued && after == .refused && other == .queued)
        // Its first two are served: the next request in queue came later.
        var current = "greedy"
        for _ in 0..<3 {
            queue.ended(current, tookUs: 1_000, atMs: 100)
            current = queue.next(atMs: 100)?.caller ?? ""
        }
        let again = queue.enqueue("greedy", 5, atMs: 150)
        #expect(again == .queued)
    }

    @Test("who had a call a moment ago still counts as one who shares")
    func remembered() {
        var queue = queue(inFlight: 2, queuedCount: 100)
        _ = queue.enqueue("modest", 0, atMs: 0)
        queue.ended("modest", tookUs: 1_000, atMs: 5)
        for call in 0..<10 { _ = queue.enqueue("greedy", call, atMs: 6) }
        let isOver = queue.isOverShare("greedy")
        queue.ended("greedy", tookUs: 1_000, atMs: 1_010)
        let isOverAlone = queue.isOverShare("greedy")
        #expect(isOver && !isOverAlone)
    }

    @Test("never more are under way than may be")
    func bound() {
        var queue = queue(inFlight: 8, queuedCount: 64)
        var random = SystemRandomNumberGenerator()
        var running: [String] = []
        for step in 0..<10_000 {
            if Bool.random(using: &random) {
                let caller = "c\(Int.random(in: 0..<5, using: &random))"
                if queue.enqueue(caller, step, atMs: Int64(step)) == .starts { running.append(caller) }
            } else if let ended = running.popLast() {
                queue.ended(ended, tookUs: 1_000, atMs: Int64(step))
                while let next = queue.next(atMs: Int64(step)) { running.append(next.caller) }
            }
            let (inFlight, queuedCount) = (queue.inFlight, queue.queuedCount)
            #expect(inFlight == running.count && inFlight <= 8 && queuedCount <= 64)
        }
    }
}

@Suite struct AdaptiveLimitTests {
    /// A server `wayUs` away that handles `perMs` calls a millisecond and always gets as many as the limit allows.
    private func settled(_ wayUs: Int64, perMs: Int64) -> Int {
        var limit = AdaptiveLimit(1...10_000, start: 10, spareUs: 1_500, latencyUsMax: 20_000)
        limit.record(latencyUs: wayUs, isSaturated: false, atMs: 0)
        for turn in Int64(0)..<20_000 {
            limit.record(latencyUs: max(wayUs, Int64(limit.value) * 1_000 / perMs), isSaturated: true, atMs: turn)
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
        var limit = AdaptiveLimit(16...256, start: 64, spareUs: 1_500, latencyUsMax: 20_000)
        limit.record(latencyUs: 100, isSaturated: true, atMs: 0)
        limit.record(latencyUs: 4_000, isSaturated: true, atMs: 100)
        #expect(limit.value == 56)
        limit.forgetMinimum()
        limit.record(latencyUs: 4_000, isSaturated: true, atMs: 200)
        #expect(limit.value == 56)
    }

    @Test("a limit that is not used does not rise, and one late batch counts once")
    func rises() {
        var limit = AdaptiveLimit(16...256, start: 64, spareUs: 1_500, latencyUsMax: 10_000)
        for at in Int64(0)..<1_000 { limit.record(latencyUs: 1_000, isSaturated: false, atMs: at) }
        #expect(limit.value == 64)
        for _ in 0..<50 { limit.record(latencyUs: 40_000, isSaturated: true, atMs: 1_000) }
        #expect(limit.value == 56)
        for at in Int64(2_000)..<4_000 { limit.record(latencyUs: 40_000, isSaturated: true, atMs: at) }
        #expect(limit.value == 16)
    }
}
