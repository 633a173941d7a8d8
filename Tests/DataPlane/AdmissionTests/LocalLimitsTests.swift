import Admission
import PlaneContract
import Testing

@Suite struct LocalLimitsTests {
    private func caller(_ limits: ScopeLimits) -> Caller {
        Caller(
            KeyRecord(
                keyID: "key_1", orgID: "org_1", name: "n", plan: "p", version: 1, orgVersion: 1, status: .active,
                expiresAtMs: nil, allowedModels: nil, keyLimits: limits, orgLimits: ScopeLimits()))
    }

    /// How many requests are admitted when one arrives every 10 ms.
    private func passed(_ caller: Caller, loops: Int, tokens: Int64 = 1, seconds: Int64) -> Int {
        var limits = LocalLimits()
        var count = 0
        for at in 0..<(seconds * 100) where limits.admit(caller, tokens: tokens, loops: loops, atMs: at * 10) {
            limits.ended(caller)
            count += 1
        }
        return count
    }

    @Test("the loops together stay within the limit and one burst each", arguments: [1, 2, 5])
    func share(loops: Int) {
        let limits = caller(ScopeLimits(requestsPerMinute: 600))
        let each = passed(limits, loops: loops, seconds: 60)
        #expect(each * loops <= 600 + 50 && each * loops >= 600 - 10 * loops)
    }

    @Test("tokens are counted, and a request larger than the minute's share never passes")
    func tokens() {
        let limits = caller(ScopeLimits(tokensPerMinute: 6_000))
        let count = passed(limits, loops: 2, tokens: 100, seconds: 60)
        #expect(count >= 29 && count <= 33)
        #expect(passed(limits, loops: 2, tokens: 3_001, seconds: 1) == 0)
    }

    @Test("running requests are bounded by the share, at least one")
    func concurrency() {
        let caller = caller(ScopeLimits(concurrentRequests: 5))
        var limits = LocalLimits()
        let first = (0..<6).filter { _ in limits.admit(caller, tokens: 1, loops: 2, atMs: 0) }.count
        #expect(first == 2)
        limits.ended(caller)
        let again = limits.admit(caller, tokens: 1, loops: 2, atMs: 0)
        var alone = LocalLimits()
        let atLeastOne = alone.admit(caller, tokens: 1, loops: 100, atMs: 0)
        #expect(again && atLeastOne)
    }

    @Test("a key without limits passes")
    func unlimited() { #expect(passed(caller(ScopeLimits()), loops: 3, seconds: 1) == 100) }
}
