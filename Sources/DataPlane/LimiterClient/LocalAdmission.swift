package import Admission
internal import GatewayModel
package import LoopWatch
package import Operations
internal import PlaneContract
package import Reactor

/// Admits requests while Redis is unreachable, as far as the key's outage policy allows.
///
/// Under `allowLocal` a request must fit this loop's share of the limits, and heartbeats must have got through within
/// `cutOffMs`: beyond that, this worker may have missed a revocation. Under `allow` neither can refuse it.
package final class LocalAdmission {
    private let loopStatus: LoopStatus
    private let reactor: Reactor
    private let cutOffMs: Int64
    private let metrics: MetricsRegistry
    private var limits = LocalLimits()
    /// Requests counted in `limits`, by id.
    private var running: [String: Caller] = [:]

    /// - Parameter cutOffMs: how old the last heartbeat may be for `allowLocal` keys.
    package init(_ loopStatus: LoopStatus, on reactor: Reactor, cutOffMs: Int64, metrics: MetricsRegistry) {
        self.loopStatus = loopStatus
        self.reactor = reactor
        self.cutOffMs = cutOffMs
        self.metrics = metrics
    }

    /// - Returns: an admission without a hold, to be charged once Redis is back; `nil` when it is not allowed.
    package func admit(_ request: AdmitRequest) -> Admission? {
        let policy = request.caller.record.outagePolicy
        let isCutOff = reactor.nowMs - loopStatus.lastHeartbeatMs > cutOffMs
        guard policy == .allow || policy == .allowLocal && !isCutOff else { return nil }
        let fits = limits.admit(
            request.caller, tokens: request.estimatedTokens, loops: loopStatus.liveLoops, atMs: reactor.nowMs)
        guard fits || policy == .allow else { return nil }
        if fits { running[request.id.text] = request.caller }
        loopStatus.admittedLocally(atMs: reactor.nowMs)
        metrics.add("aihub_worker_admitted_locally_total")
        let now = Reactor.wallMs()
        let periods = request.caller.scopes.periods(UTCCalendar.periods(atMs: now))
        return Admission(
            atMs: now, periods: periods, hold: request.hold, requests: nil, tokens: nil, isLocal: true)
    }

    /// Frees the place of a request that may have been admitted here; others are ignored.
    package func ended(_ id: String) {
        if !running.isEmpty, let caller = running.removeValue(forKey: id) { limits.ended(caller) }
    }
}
