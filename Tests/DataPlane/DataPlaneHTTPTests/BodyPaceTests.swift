import DataPlaneHTTP
import Testing

@Suite struct BodyPaceTests {
    /// Looks at the requested times until there is a verdict; `arrived` maps a time to the bytes received by then.
    private func judge(
        windowMs: Int64 = 10_000, totalMs: Int64 = 120_000, arrived: (Int64) -> Int
    ) -> (verdict: BodyPace.Verdict, atMs: Int64) {
        var pace = BodyPace(startMs: 0, windowMs: windowMs, totalMs: totalMs, bytesPerSecondMin: 1_024)
        var now = BodyPace.firstCheckMs(windowMs: windowMs, totalMs: totalMs)
        while true {
            switch pace.check(bytes: arrived(now), nowMs: now) {
            case .inTime(let next): now += next
            case let verdict: return (verdict, now)
            }
        }
    }

    @Test("much at once buys no silence: the rate counts within the last window")
    func silence() {
        let (verdict, at) = judge { _ in 19 << 20 }
        #expect(verdict == .tooSlow && at == 11_000)
        #expect(judge { $0 < 60_000 ? Int($0) * 100 : 6_000_000 }.atMs <= 71_000)
        let nothing = judge { _ in 0 }
        #expect(nothing.verdict == .tooSlow && nothing.atMs == 10_000)
    }

    @Test("a body at the rate is in time until the total deadline, which it meets exactly")
    func steady() {
        let (verdict, at) = judge { Int($0) * 1_024 / 1_000 + 1 }
        #expect(verdict == .tooLong && at == 120_000)
        #expect(judge(windowMs: 600_000, totalMs: 1_500) { Int($0) * 100 }.atMs == 1_500)
    }

    @Test("what comes in bursts is judged over a window, not between two looks")
    func bursts() {
        #expect(judge { Int($0 / 8_000 + 1) * 10_240 + 10_240 }.verdict == .tooLong)
        #expect(judge { Int($0 / 8_000 + 1) * 5_000 }.verdict == .tooSlow)
    }

    @Test("looks that come late judge the time that has passed")
    func late() {
        var pace = BodyPace(startMs: 0, windowMs: 10_000, totalMs: 120_000, bytesPerSecondMin: 1_024)
        #expect(pace.check(bytes: 20_000, nowMs: 1_000) == .inTime(nextCheckMs: 1_000))
        #expect(pace.check(bytes: 30_000, nowMs: 41_000) == .tooSlow)
    }
}
