import Operations
import Testing

@Suite struct FailedKeyLimiterTests {
    /// How many tries of an address, one every `everyMs`, are looked up; all fail.
    private func lookedUp(_ keys: inout FailedKeyLimiter<Int>, _ address: Int, tries: Int, everyMs: Int64) -> Int {
        var count = 0
        for at in 0..<Int64(tries) where keys.waitMs(address, atMs: at * everyMs) == nil {
            keys.failed(address, atMs: at * everyMs)
            count += 1
        }
        return count
    }

    @Test("half of a minute's failures at once, then one after the other", arguments: [60, 120, 600])
    func burst(perMinute: Int) {
        var keys = FailedKeyLimiter<Int>(perMinute: perMinute)
        #expect(lookedUp(&keys, 1, tries: 10_000, everyMs: 0) == perMinute / 2)
        var others = FailedKeyLimiter<Int>(perMinute: perMinute)
        let inAMinute = lookedUp(&others, 1, tries: 60_000, everyMs: 1)
        #expect(abs(inAMinute - perMinute * 3 / 2) <= 1)
    }

    @Test("the wait that is named is over when it has passed")
    func wait() {
        var keys = FailedKeyLimiter<Int>(perMinute: 60)
        for _ in 0..<30 { keys.failed(7, atMs: 500) }
        guard let wait = keys.waitMs(7, atMs: 500) else {
            Issue.record("it may go on")
            return
        }
        #expect(keys.waitMs(7, atMs: 500 + wait - 1) != nil && keys.waitMs(7, atMs: 500 + wait) == nil)
        #expect(keys.waitMs(8, atMs: 500) == nil)
    }

    @Test("a flood from many addresses slows those that failed, and never a stranger")
    func overall() {
        var keys = FailedKeyLimiter<Int>(perMinute: 60)
        var lookedUp = 0
        for address in 0..<20_000 where keys.waitMs(address % 5_000, atMs: 0) == nil {
            keys.failed(address % 5_000, atMs: 0)
            lookedUp += 1
        }
        #expect(lookedUp == 5_000)
        #expect(keys.waitMs(1, atMs: 0) != nil && keys.waitMs(-1, atMs: 0) == nil)
        #expect(keys.waitMs(1, atMs: 60_000) == nil)
    }

    @Test("what was under way when the limit was reached counts for one burst more at most")
    func overshoot() {
        var keys = FailedKeyLimiter<Int>(perMinute: 60)
        for _ in 0..<5_000 { keys.failed(1, atMs: 0) }
        #expect((keys.waitMs(1, atMs: 0) ?? 0) <= 31_000)
    }

    @Test("the table is bounded: where it is full, a stranger counts as one who failed")
    func bounded() {
        var keys = FailedKeyLimiter<Int>(perMinute: 60)
        for address in 0..<(FailedKeyLimiter<Int>.addressesMax + 10) { keys.failed(address, atMs: 0) }
        #expect(keys.waitMs(-1, atMs: 0) != nil)
        // A minute later they are forgotten.
        keys.failed(-1, atMs: 70_000)
        #expect(keys.waitMs(-2, atMs: 70_000) == nil)
    }

    @Test("0 is no limit")
    func none() {
        var keys = FailedKeyLimiter<Int>(perMinute: 0)
        #expect(lookedUp(&keys, 1, tries: 1_000, everyMs: 0) == 1_000)
    }
}
