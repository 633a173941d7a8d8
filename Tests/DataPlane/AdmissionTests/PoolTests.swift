import Admission
import GatewayModel
import PlaneContract
import Testing

/// Requests of a plan with a shared budget count in a third scope.
@Suite struct PoolTests {
    private func caller(_ perDay: Int64?, plan: String = "free") -> Caller {
        Caller(
            KeyRecord(
                keyID: "key_1", orgID: "org_1", name: "n", plan: plan, version: 1, orgVersion: 1, status: .active,
                expiresAtMs: nil, allowedModels: nil, keyLimits: ScopeLimits(), orgLimits: ScopeLimits(),
                planPerDay: perDay.map(NanoUSD.init(_:))))
    }

    private func admission(_ caller: Caller) -> String {
        let request = AdmitRequest(
            id: RequestID(milliseconds: 1, random: (2, 3)), caller: caller, estimatedTokens: 1, hold: NanoUSD(9),
            holdMin: NanoUSD(1), floorCost: .zero, event: [],
            lifetimeMs: 1)
        var out: [UInt8] = []
        request.write(Fence(generation: "1", redisRunID: "r"), loopID: "w", into: &out)
        return String(decoding: out, as: UTF8.self)
    }

    @Test("its counters are named with those of key and org, and its periods too")
    func scopes() {
        #expect(admission(caller(5)).contains(":pool:free"))
        #expect(!admission(caller(nil)).contains("pool:"))
        #expect(caller(5).scopes.periods("1/2") == "1/2,1/2,1/2" && caller(nil).scopes.periods("1/2") == "1/2,1/2")
    }

    @Test("such a key is not let in while the limiter cannot be reached")
    func outage() {
        #expect(caller(5).record.outagePolicy == .deny && caller(nil).record.outagePolicy == .allowLocal)
    }

    @Test("a request goes on in the scopes it was admitted in, whatever becomes of its plan")
    func renewed() {
        let free = caller(5), paid = caller(nil, plan: "paid")
        #expect(free.renewed(paid).scopes.pool == "free" && paid.renewed(free).scopes.pool == nil)
        #expect(free.renewed(caller(7)).record.planPerDay == NanoUSD(7))
    }

    @Test("a share that is not known yet is no reason to say that money is used up")
    func unknownShare() {
        guard case .refused(let error) = AdmitVerdict(reply: ["12", "1796000000000"], for: caller(5).record) else {
            Issue.record("read as something else")
            return
        }
        #expect(error.kind == .limiterUnavailable && error.limit == nil)
    }
}
