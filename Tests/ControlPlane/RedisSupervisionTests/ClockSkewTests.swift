import Redis
import RedisSupervision
import Testing

@Suite struct ClockSkewTests {
    private func ahead(_ seconds: String, _ micros: String, ledgerMs: Int64) -> ClockSkew? {
        ClockSkew(time: .array([.string(seconds), .string(micros)]), ledgerMs: ledgerMs)
    }

    @Test("the difference has a sign, and five minutes are the most")
    func apart() {
        #expect(ahead("1000", "500000", ledgerMs: 1_000_000)?.aheadMs == 500)
        #expect(ahead("1300", "0", ledgerMs: 1_000_000)?.isExcessive == false)
        #expect(ahead("1300", "1000", ledgerMs: 1_000_000)?.isExcessive == true)
        #expect(ahead("700", "0", ledgerMs: 1_000_000)?.isExcessive == false)
        #expect(ahead("699", "999000", ledgerMs: 1_000_000)?.isExcessive == true)
    }

    @Test("what is no time is not compared")
    func noTime() {
        #expect(ahead("x", "0", ledgerMs: 0) == nil)
        #expect(ClockSkew(time: .integer(3), ledgerMs: 0) == nil)
    }
}
