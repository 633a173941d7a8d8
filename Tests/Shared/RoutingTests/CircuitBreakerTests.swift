import Routing
import Testing

@Suite struct CircuitBreakerTests {
    private func open(atMs now: Int64 = 100) -> CircuitBreaker {
        var breaker = CircuitBreaker()
        for _ in 0..<CircuitBreaker.failuresMax { breaker.failed(startedMs: now, atMs: now, openMs: 5_000) }
        return breaker
    }

    @Test("it opens when five of the last ten failed, and not before")
    func opens() {
        var breaker = CircuitBreaker()
        for n in 0..<4 {
            breaker.failed(startedMs: Int64(n), atMs: Int64(n), openMs: 5_000)
            breaker.succeeded(startedMs: Int64(n), atMs: Int64(n))
        }
        #expect(breaker.availability(atMs: 10) == .closed)
        breaker.failed(startedMs: 10, atMs: 10, openMs: 5_000)
        #expect(breaker.availability(atMs: 10) == .open(untilMs: 5_010))
    }

    @Test("failures among many successes never open it")
    func stays() {
        var breaker = CircuitBreaker()
        for n in 0..<1_000 {
            if n % 3 == 0 {
                breaker.failed(startedMs: Int64(n), atMs: Int64(n), openMs: 5_000)
            } else {
                breaker.succeeded(startedMs: Int64(n), atMs: Int64(n))
            }
        }
        #expect(breaker.availability(atMs: 1_000) == .closed)
    }

    @Test("after its time one request may probe; the others wait")
    func probe() {
        var breaker = open()
        #expect(breaker.availability(atMs: 5_099) == .open(untilMs: 5_100))
        #expect(breaker.availability(atMs: 5_100) == .probeDue)
        breaker.claimProbe(atMs: 5_100)
        #expect(breaker.availability(atMs: 5_200) == .open(untilMs: 6_100))
        breaker.attemptBegan(atMs: 5_300)
        #expect(
            breaker.availability(atMs: 6_200) == .open(untilMs: 65_300), "sent: it has as long as an answer may take")
        breaker.succeeded(startedMs: 5_300, atMs: 7_000)
        #expect(breaker.availability(atMs: 7_000) == .closed)
    }

    @Test("a probe that was planned and never sent is given to somebody else")
    func lostProbe() {
        var breaker = open()
        breaker.claimProbe(atMs: 5_100)
        #expect(breaker.availability(atMs: 6_100) == .probeDue)
        breaker.claimProbe(atMs: 6_100)
        breaker.attemptBegan(atMs: 6_100)
        breaker.probeReleased(atMs: 6_200)
        #expect(breaker.availability(atMs: 6_200) == .probeDue, "its caller left")
    }

    @Test("each failed probe doubles the wait up to a minute; a calm minute makes the next short again")
    func doubles() {
        var breaker = open()
        var lengths: [Int64] = []
        var now: Int64 = 100
        for _ in 0..<6 {
            guard case .open(let until) = breaker.availability(atMs: now) else { break }
            lengths.append(until - now)
            now = until
            breaker.claimProbe(atMs: now)
            breaker.failed(startedMs: now, atMs: now, openMs: 5_000)
        }
        #expect(lengths == [5_000, 10_000, 20_000, 40_000, 60_000, 60_000])
        guard case .open(let until) = breaker.availability(atMs: now) else {
            Issue.record("closed")
            return
        }
        breaker.claimProbe(atMs: until)
        breaker.succeeded(startedMs: until, atMs: until)
        now = until + CircuitBreaker.backoffResetMs + 1
        for _ in 0..<5 { breaker.failed(startedMs: now, atMs: now, openMs: 5_000) }
        #expect(breaker.availability(atMs: now) == .open(untilMs: now + 5_000))
    }

    @Test("an attempt from before it opened says nothing")
    func oldNews() {
        var breaker = open(atMs: 100)
        breaker.succeeded(startedMs: 50, atMs: 200)
        breaker.failed(startedMs: 50, atMs: 200, openMs: 5_000)
        #expect(breaker.availability(atMs: 200) == .open(untilMs: 5_100))
        breaker.succeeded(startedMs: 150, atMs: 300)
        #expect(breaker.availability(atMs: 300) == .closed, "tried all the same, and it works")
    }
}
