internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import Routing

/// Fallback from a silent deployment to the next one. Both may be billed, so the hold must cover both.
extension RequestWalk {
    /// The first event timed out: tries the next deployment, once the hold covers both.
    mutating func firstEventMissing(at now: Int64) {
        guard case .dispatching = phase, let current = attempt else { return }
        actions.append(.cancelAttempt(current.number))
        trail.owed = charge(billingWhenClosed(current), at: now)
        blame(.slow, at: now)
        attempt = nil
        remember(
            GatewayError(
                .upstreamTimeout, "The provider of this model did not answer in time.", detail: "no first event"))
        startNextAttempt(at: now)
    }

    /// Asks the limiter to extend the hold to what the silent attempt may cost plus the next attempt.
    mutating func holdForFallback(to target: RouteTarget, _ admitted: AdmittedRequest, at now: Int64) {
        phase = .dispatching
        trail.waitingTarget = target
        guard let wanted = admitted.request.firstHold(on: target, atMs: context.wallMs)?.wanted else {
            return fallbackHeld(at: now)
        }
        let event = usageEvent(.interrupted, status: 0, at: now, charge: charge(.nothing(keepsUnit: true), at: now))
        actions.append(
            .reportProgress(
                ProgressReport(
                    id: context.id, caller: admitted.caller, cost: event.cost,
                    hold: max(admitted.hold, NanoUSD(trail.owed.cost.nano + wanted.nano)), event: event.json)))
    }

    mutating func fallbackHeld(at now: Int64) {
        guard let admitted, let target = trail.waitingTarget else { return }
        trail.waitingTarget = nil
        let least = admitted.request.firstHold(on: target, atMs: context.wallMs)?.least ?? admitted.hold
        guard admitted.hold.nano - trail.owed.cost.nano >= least.nano else { return giveUp(at: now) }
        start(target, at: now)
    }
}
