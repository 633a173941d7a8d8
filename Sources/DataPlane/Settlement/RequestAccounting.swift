package import Admission
internal import GatewayModel
package import LimiterClient
internal import PlaneContract
package import RequestWalk

/// Begins, admits and settles a loop's requests: at the limiter in their turn at the gate, or locally while it cannot
/// decide.
package final class RequestAccounting {
    private let limiter: LimiterConnection
    private let gate: LimiterGate
    private let local: LocalAdmission
    private let settlements: SettlementQueue

    /// All four must be of one loop.
    package init(
        _ limiter: LimiterConnection, _ gate: LimiterGate, _ local: LocalAdmission, _ settlements: SettlementQueue
    ) {
        self.limiter = limiter
        self.gate = gate
        self.local = local
        self.settlements = settlements
    }

    /// Early admission: reserves a request unit and a concurrency slot.
    package func begin(_ request: BeginRequest, reply: @escaping (BeginAnswer) -> Void) {
        guard !settlements.isFull else { return reply(.notAsked(nil)) }
        gate.call(for: request.caller.record.keyID, id: request.id.text) { [self] answered in
            limiter.begin(request, answered: answered, reply: reply)
        } refuse: {
            reply(.notAsked($0))
        }
    }

    /// Admits the request and takes its hold, locally if Redis cannot decide and the key allows that.
    package func admit(_ request: AdmitRequest, reply: @escaping (AdmitAnswer) -> Void) {
        guard !settlements.isFull else { return reply(.notAsked(nil)) }
        // A begun request has a record in Redis that must be cancelled there, so it is never withdrawn.
        let id = request.hasBegun ? nil : request.id.text
        gate.call(for: request.caller.record.keyID, id: id) { [self] answered in
            ask(request, answered, reply)
        } refuse: {
            reply(.notAsked($0))
        }
    }

    private func ask(
        _ request: AdmitRequest, _ answered: @escaping (Int64?) -> Void, _ reply: @escaping (AdmitAnswer) -> Void
    ) {
        limiter.admit(request, answered: answered) { [self] answer in
            switch answer {
            case .verdict(.admitted(let admission)): settlements.admitted(request, admission)
            case .unavailable, .notAsked: return admitLocally(request, or: answer, reply)
            // Counters of a fenced shard cannot be trusted yet, but record versions can: report a changed key.
            case .verdict(.fenced):
                return limiter.peek(request.caller) { [self] verdict in
                    if case .stale = verdict { return reply(.verdict(.stale)) }
                    admitLocally(request, or: answer, reply)
                }
            case .verdict: break
            }
            reply(answer)
        }
    }

    private func admitLocally(
        _ request: AdmitRequest, or answer: AdmitAnswer, _ reply: @escaping (AdmitAnswer) -> Void
    ) {
        guard let admission = local.admit(request) else { return reply(answer) }
        settlements.admitted(request, admission)
        reply(.verdict(.admitted(admission)))
    }

    /// Replaces the request's hold by its charge, unless it never reached the limiter.
    package func settle(_ request: SettleRequest) {
        // Still queued at the gate: the limiter has nothing to cancel.
        if request.target == .cancelled, gate.withdraw(request.id) { return }
        local.ended(request.id)
        settlements.settle(request)
    }
}
