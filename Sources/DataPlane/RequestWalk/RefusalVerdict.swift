internal import GatewayModel
internal import ProviderResponses
internal import Routing

/// What follows from a provider's refusal: who is at fault, what the caller receives, and whether another deployment is
/// tried.
enum RefusalVerdict {
    /// The request is at fault: every deployment would refuse it.
    case fails(GatewayError)
    /// A model with a larger context window may accept it; otherwise the request fails.
    case needsLargerWindow(GatewayError)
    /// The deployment may be at fault, but only the message says so: another is tried.
    case undecided(GatewayError)
    /// The deployment is at fault: another is tried.
    case blames(FailureClass, retryAfterMs: Int64?, GatewayError)

    /// - Parameter said: the provider's refusal, for the log.
    /// - Parameter restMs: the retry delay where the provider asks for none.
    init(_ refusal: ProviderRefusal, of attempt: Attempt, said: String, restMs: Int64) {
        let waitMs = attempt.retryAfterMs ?? refusal.waitMs
        // A wait found in the message text is passed to this caller, but must not rest the deployment for others.
        let retryAfterMs = min(max(waitMs ?? refusal.waitInMessageMs ?? restMs, 1), CoolDown.retryAfterMsMax)
        switch refusal.failure {
        case .clientFault(let message):
            self = .fails(GatewayError(.invalidRequest, message, detail: "refused by provider"))
        case .contextLength(let message):
            self = .needsLargerWindow(
                GatewayError(.contextLengthExceeded, message, detail: "refused by provider", param: "messages"))
        case .contentPolicy(let message):
            self = .fails(GatewayError(.contentPolicyViolation, message, detail: "refused by provider"))
        case .possibleOperatorFault(let message):
            self = .undecided(
                GatewayError(.invalidRequest, "The provider refused the request: \(message)", detail: said))
        case .rateLimited:
            self = .blames(
                .rateLimited, retryAfterMs: waitMs,
                GatewayError(
                    .rateLimitExceeded, "The provider of this model is at its own rate limit. Retry shortly.",
                    detail: said, retryAfterMs: retryAfterMs))
        case .overloaded:
            self = .blames(
                .overloaded, retryAfterMs: waitMs,
                GatewayError(
                    .noProviderAvailable, "The provider of this model is overloaded. Retry shortly.",
                    detail: said, retryAfterMs: retryAfterMs))
        case .operatorFault:
            // An empty account is not a wrong key, and rests for longer.
            let isEmpty = attempt.status == 402 || attempt.status == 429
            self = .blames(isEmpty ? .operatorQuota : .operatorAuth, retryAfterMs: nil, Self.unavailable(said))
        case .modelMissing: self = .blames(.modelMissing, retryAfterMs: nil, Self.unavailable(said))
        case .transient:
            self = .blames(
                .transient, retryAfterMs: nil,
                GatewayError(.upstreamError, "The provider of this model failed. Retry shortly.", detail: said))
        }
    }

    private static func unavailable(_ said: String) -> GatewayError {
        GatewayError(.noProviderAvailable, "This model is not available right now.", detail: said)
    }
}
