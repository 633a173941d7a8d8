import Admission
import GatewayModel
import LimiterClient
import LoopWatch
import Operations
import PlaneContract
import Reactor
import Testing

/// On a reactor that does not turn: time stands still.
@Suite struct LocalAdmissionTests {
    private let reactor = Reactor()
    private let status = LoopStatus(loopID: "w.0")
    private let metrics = MetricsRegistry()

    private func admission() -> LocalAdmission {
        LocalAdmission(status, on: reactor, cutOffMs: 10_000, metrics: metrics)
    }

    private func heartbeat(agoMs: Int64, loops: Int = 1) {
        status.recordHeartbeat(atMs: reactor.nowMs - agoMs, loops: loops)
    }

    @Test(
        "deny admits nobody, allowLocal as long as heartbeats are recent, allow always",
        arguments: [OutagePolicy.deny, .allowLocal, .allow], [0, 10_000, 10_001] as [Int64])
    func policies(policy: OutagePolicy, agoMs: Int64) {
        heartbeat(agoMs: agoMs)
        let admission = admission().admit(admitRequest(caller(outagePolicy: policy)))
        let isAllowed = policy == .allow || policy == .allowLocal && agoMs <= 10_000
        #expect((admission != nil) == isAllowed)
        #expect(metrics.value("aihub_worker_admitted_locally_total") == (isAllowed ? 1 : 0))
        // Other workers learn of it with the next heartbeat.
        #expect(status.isAdmittingLocally(atMs: reactor.nowMs, withinMs: 1_000) == isAllowed)
        if let admission { #expect(admission.isLocal && admission.hold == NanoUSD(700)) }
    }

    @Test("a loop admits its share of the limit, and gives a place back when the request ends")
    func share() {
        heartbeat(agoMs: 0, loops: 2)
        let local = admission()
        let key = caller(outagePolicy: .allowLocal, concurrent: 4)
        let requests = (1...4).map { admitRequest(key, number: $0) }
        #expect(requests.map { local.admit($0) != nil } == [true, true, false, false])
        local.ended(requests[0].id.text)
        local.ended(requests[0].id.text)
        #expect(requests[2...].map { local.admit($0) != nil } == [true, false])
    }

    @Test("allow admits beyond the share, and such a request frees no place it did not take")
    func beyond() {
        heartbeat(agoMs: 0)
        let local = admission()
        let key = caller(outagePolicy: .allow, concurrent: 1)
        let (first, second, third) = (admitRequest(key), admitRequest(key, number: 2), admitRequest(key, number: 3))
        #expect(local.admit(first) != nil && local.admit(second) != nil)
        local.ended(second.id.text)
        let strict = caller(outagePolicy: .allowLocal, concurrent: 1)
        #expect(
            local.admit(
                AdmitRequest(
                    id: third.id, caller: strict, estimatedTokens: 1, hold: .zero, holdMin: .zero, floorCost: .zero,
                    event: [],
                    lifetimeMs: 1)) == nil)
    }
}
