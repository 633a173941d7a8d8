internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import Routing

/// From a deployment that stays silent to the next one: both may be billed, so both are held.
extension RequestWalk {
    /// The first event did not come in time: the next deployment may try, once there is a hold for both.
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

    /// Both what the silent attempt may be billed for and the next one must be held before that is sent.
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
