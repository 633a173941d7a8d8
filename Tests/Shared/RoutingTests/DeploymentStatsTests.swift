import Routing
import Testing

@Suite struct DeploymentStatsTests {
    @Test("a slower first token is believed within about a second, whatever the rate", arguments: [2, 20, 200])
    func rises(perSecond: Int64) {
        var stats = DeploymentStats()
        stats.firstToken(for: anyKeyHash, afterMs: 200, atMs: 0)
        for n in 1...perSecond * 2 { stats.firstToken(for: anyKeyHash, afterMs: 2_000, atMs: n * 1_000 / perSecond) }
        #expect((1_400...2_000).contains(stats.firstTokenMs ?? 0), "\(stats.firstTokenMs ?? 0)")
    }

    @Test("a faster one takes longer")
    func falls() {
        var stats = DeploymentStats()
        stats.firstToken(for: anyKeyHash, afterMs: 2_000, atMs: 0)
        for n in 1...20 { stats.firstToken(for: anyKeyHash, afterMs: 200, atMs: Int64(n * 100)) }
        #expect((900...1_700).contains(stats.firstTokenMs ?? 0), "after 2 s: \(stats.firstTokenMs ?? 0)")
        for n in 21...300 { stats.firstToken(for: anyKeyHash, afterMs: 200, atMs: Int64(n * 100)) }
        #expect((200...260).contains(stats.firstTokenMs ?? 0), "after 30 s: \(stats.firstTokenMs ?? 0)")
    }

    @Test("errors count by time, and are forgotten while nothing is heard")
    func errors() {
        var stats = DeploymentStats()
        for n in 0..<100 { stats.firstToken(for: anyKeyHash, afterMs: 1, atMs: Int64(n * 100)) }
        #expect(stats.errorRate(atMs: 10_000) < 0.001)
        for n in 100..<150 { stats.failed(for: anyKeyHash, waitedMs: nil, atMs: Int64(n * 100)) }
        let rate = stats.errorRate(atMs: 14_900)
        #expect((0.5...0.75).contains(rate), "five seconds of nothing else: \(rate)")
        #expect(stats.errorRate(atMs: 44_900) < rate / 1.9)
        #expect(stats.errorRate(atMs: .max) >= 0)
    }

    @Test("speed is tokens by time between first and last")
    func speed() {
        var stats = DeploymentStats()
        stats.streamed(for: anyKeyHash, tokens: 100, overMs: 2_000, atMs: 0)
        #expect(stats.tokensPerSecond == 50)
        stats.streamed(for: anyKeyHash, tokens: 3, overMs: 1, atMs: 0)
        #expect(stats.tokensPerSecond == 50, "too few to tell")
    }

    @Test("of a plain answer the time to the first token is inferred")
    func plain() {
        var stats = DeploymentStats()
        stats.streamed(for: anyKeyHash, tokens: 100, overMs: 1_000, atMs: 0)
        stats.answered(for: anyKeyHash, tokens: 50, afterMs: 800, atMs: 0)
        #expect(stats.firstTokenMs == 300 && stats.unstreamedMs == 800 && stats.tokensPerSecond == 100)
    }

    @Test("waiting attempts show a slow engine before it answers; one straggler among many does not")
    func waiting() {
        var health = DeploymentHealth()
        let target = routes([Engine(id: "a")], by: nil).allTargets[0]
        func report(_ started: Int64, _ note: AttemptObservation) -> AttemptReport {
            AttemptReport(target, for: anyKeyHash, startedMs: started, streams: true, wasWaiting: true, note)
        }
        for n in 0..<20 as Range<Int64> {
            health.began(for: anyKeyHash, streams: true, atMs: n * 100)
            health.record(report(n * 100, .firstToken(afterMs: 90)), openMs: 5_000, atMs: n * 100 + 90)
        }
        health.began(for: anyKeyHash, streams: true, atMs: 2_000)
        for n in 21...41 as ClosedRange<Int64> {
            health.began(for: anyKeyHash, streams: true, atMs: n * 100)
            if n < 41 { health.record(report(n * 100, .firstToken(afterMs: 90)), openMs: 5_000, atMs: n * 100 + 90) }
        }
        #expect(health.firstTokenMs(atMs: 4_190) ?? 0 < 200, "one of two waits long")
        for n in 42...60 as ClosedRange<Int64> { health.began(for: anyKeyHash, streams: true, atMs: n * 100) }
        #expect(health.firstTokenMs(atMs: 6_000) ?? 0 > 900, "all of them wait")
    }

    @Test("what is told in Redis comes back, and nonsense does not")
    func text() throws {
        var health = DeploymentHealth()
        let target = routes([Engine(id: "a")], by: nil).allTargets[0]
        for n in 0..<5 {
            health.record(
                AttemptReport(
                    target, for: KeyHash("\(n)"), startedMs: 10, streams: true, wasWaiting: true,
                    .failed(.transient, retryAfterMs: nil)),
                openMs: 5_000, atMs: 20)
        }
        let text = health.text(atMs: 100, wallMs: 1_700_000_000_000)
        let back = try #require(DeploymentHealth(text: text, atMs: 1_000, wallMs: 1_700_000_001_000))
        #expect(back.stats.samples == 5 && back.stats.errorRate(atMs: 1_000) > 0.4)
        #expect(back.availability(atMs: 1_000) == .out("circuit_open", untilMs: 4_920))
        let late = DeploymentHealth(text: text, atMs: 1_000, wallMs: 1_700_000_000_000 + DeploymentHealth.textMsMax * 2)
        #expect(late == nil, "too old")
        for bad in [
            "", "1", "2 - - - 0 0 0 0", "1 - - - 2 0 0 0", "1 -5 - - 0 0 0 0", "1 nan - - 0 0 0 0", "1 - - - 0 -1 0 0",
            "1 - - - 0 0 x 0", "1 - - - 0 0 -9223372036854775808 0", String(repeating: "1 ", count: 300),
        ] {
            #expect(DeploymentHealth(text: bad, atMs: 0, wallMs: 1) == nil, "\(bad.prefix(40))")
        }
    }
}
