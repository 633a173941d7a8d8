import ControlPlaneApp
import Redis
import Testing

@Suite struct ClockComparisonTests {
    private func ahead(_ seconds: String, _ micros: String, ledgerMs: Int64) -> ClockComparison? {
        ClockComparison(time: .array([.string(seconds), .string(micros)]), ledgerMs: ledgerMs)
    }

    @Test("the difference has a sign, and five minutes are the most")
    func apart() {
        #expect(ahead("1000", "500000", ledgerMs: 1_000_000)?.aheadMs == 500)
        #expect(ahead("1300", "0", ledgerMs: 1_000_000)?.isApart == false)
        #expect(ahead("1300", "1000", ledgerMs: 1_000_000)?.isApart == true)
        #expect(ahead("700", "0", ledgerMs: 1_000_000)?.isApart == false)
        #expect(ahead("699", "999000", ledgerMs: 1_000_000)?.isApart == true)
    }

    @Test("what is no time is not compared")
    func noTime() {
        #expect(ahead("x", "0", ledgerMs: 0) == nil)
        #expect(ClockComparison(time: .integer(3), ledgerMs: 0) == nil)
    }
}
