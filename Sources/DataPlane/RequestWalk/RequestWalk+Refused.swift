internal import GatewayModel
internal import PlaneContract
internal import ProviderResponses
internal import Routing

/// Error responses of providers: who is at fault, what the caller receives, and whether another deployment is tried.
extension RequestWalk {
    /// Handles an error response of the provider.
    mutating func attemptRefused(_ refusal: ProviderRefusal, said: String, at now: Int64) {
        guard let current = attempt else { return }
        let waitMs = current.retryAfterMs ?? refusal.waitMs
        // A wait found in the message text is passed to this caller, but must not rest the deployment for others.
        let saidWaitMs = waitMs ?? refusal.waitInMessageMs
        let failure = refusal.failure
        switch failure {
        case .clientFault(let message):
            return fail(
                GatewayError(.invalidRequest, message, detail: "refused by provider"), at: now,
                .nothing(keepsUnit: true))
        case .contextLength(let message):
            if goesToLargerWindow(than: current.target) { return startNextAttempt(at: now) }
            return fail(
                GatewayError(.contextLengthExceeded, message, detail: "refused by provider", param: "messages"),
                at: now, .nothing(keepsUnit: true))
        case .contentPolicy(let message):
            return fail(
                GatewayError(.contentPolicyViolation, message, detail: "refused by provider"), at: now,
                .nothing(keepsUnit: true))
        case .possibleOperatorFault(let message):
            note(.noVerdict)
            let error = GatewayError(.invalidRequest, "The provider refused the request: \(message)", detail: said)
            guard let plan = admitted?.plan, trail.next < plan.targets.count else {
                return fail(error, at: now, .nothing(keepsUnit: true))
            }
            trail.lastClass = .operatorAuth
            remember(error)
        case .rateLimited:
            blame(.rateLimited, retryAfterMs: waitMs, at: now)
            remember(
                GatewayError(
                    .rateLimitExceeded, "The provider of this model is at its own rate limit. Retry shortly.",
                    detail: said, retryAfterMs: self.waitMs(saidWaitMs)))
        case .overloaded:
            blame(.overloaded, retryAfterMs: waitMs, at: now)
            remember(
                GatewayError(
                    .noProviderAvailable, "The provider of this model is overloaded. Retry shortly.",
                    detail: said, retryAfterMs: self.waitMs(saidWaitMs)))
        case .operatorFault, .modelMissing:
            // An empty account is not a wrong key, and rests for longer.
            let isEmpty = current.status == 402 || current.status == 429
            blame(failure == .modelMissing ? .modelMissing : isEmpty ? .operatorQuota : .operatorAuth, at: now)
            remember(
                GatewayError(
                    .noProviderAvailable, "This model is not available right now.",
                    detail: said))
        case .transient:
            blame(.transient, at: now)
            remember(GatewayError(.upstreamError, "The provider of this model failed. Retry shortly.", detail: said))
        }
        // A redirect or another success status does not say that nothing was done.
        let saysItFailed = (400..<600).contains(current.status ?? 0)
        trail.mayRetry = saysItFailed && trail.lastClass?.allowsRetry == true
        attempt = nil
        startNextAttempt(at: now)
    }

    /// An error inside a 200 before anything was relayed: handled like an error status.
    mutating func streamRefused(_ refusal: ProviderRefusal, detail: String, at now: Int64) {
        guard let current = attempt else { return }
        actions.append(.cancelAttempt(current.number))
        attemptRefused(refusal, said: "error as first event: \(detail)", at: now)
    }

    mutating func giveUp(at now: Int64) {
        fail(lastFailure ?? GatewayError(.noProviderAvailable, "No provider is available."), at: now)
    }
}
