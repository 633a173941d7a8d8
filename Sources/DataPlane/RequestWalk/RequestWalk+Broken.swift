internal import Admission
internal import GatewayModel
internal import PlaneContract
internal import ProviderResponses
internal import Routing

/// Answers that cannot be passed to the caller, though a provider may bill them.
extension RequestWalk {
    /// The transport gave up before the answer was complete.
    mutating func transportFailed(_ failure: TransportFailure, at now: Int64) {
        guard attempt != nil else { return }
        switch (phase, failure) {
        case (.relaying, .notSent(let detail)), (.relaying, .insecure(let detail)), (.relaying, .ambiguous(let detail)):
            streamBroke(detail, at: now)
        case (_, .insecure(let detail)):
            blame(.insecure, at: now)
            remember(
                GatewayError(
                    .upstreamError, "upstream_tls: the provider of this model cannot be reached safely.",
                    detail: detail))
            attempt = nil
            startNextAttempt(at: now)
        case (_, .notSent(let detail)):
            blame(.unreachable, at: now)
            remember(
                GatewayError(.upstreamError, "The provider of this model cannot be reached.", detail: detail))
            attempt = nil
            startNextAttempt(at: now)
        case (_, .ambiguous(let detail)):
            // The request may have been received and billed: a second attempt could charge twice.
            blame(.transient, at: now)
            let hasHead = attempt?.status == 200
            let error = GatewayError(
                .upstreamError, "The provider broke the connection before it answered.", detail: detail)
            // A plain answer whose head arrived was completed, or nearly so.
            hasHead ? failInFlight(error, at: now, mayReadOn: false) : fail(error, at: now, lostBilling(at: now))
        }
    }

    /// Handles an answer that cannot be used. The usage it reports may be billed.
    mutating func attemptBroke(_ detail: String, at now: Int64) {
        guard let current = attempt else { return }
        actions.append(.cancelAttempt(current.number))
        blame(.transient, at: now)
        fail(
            GatewayError(.upstreamError, "The provider of this model gave an unusable answer.", detail: detail),
            at: now, relay.usage == nil ? lostBilling(at: now) : .whole)
    }

    /// Exceeding the gateway's own bound is not the deployment's fault.
    mutating func answerTooLarge(_ limit: Int, at now: Int64) {
        noteEnd(at: now)
        let error = GatewayError(
            .upstreamError, "The answer is larger than \(limit >> 20) MiB, the most this gateway passes on.",
            detail: "answer over the bound", shouldRetry: false)
        relayingStarted
            ? breakStream(error, mayReadOn: false, at: now) : failInFlight(error, at: now, mayReadOn: false)
    }

    /// The billing of a request that got no response but may have been processed.
    private func lostBilling(at now: Int64) -> Billing {
        guard let keyID = admitted?.scopes.keyID else { return .nothing(keepsUnit: true) }
        return context.world.lost.isTooMany(of: keyID, at: now) ? .input : .nothing(keepsUnit: true)
    }

    /// Handles an answer from another model than the declared one.
    ///
    /// The answer is cut at its first chunk and charged at the higher of the two prices. The deployment rests until an
    /// operator has looked at it.
    mutating func answeredByAnother(at now: Int64) {
        blame(.otherModel, at: now)
        let error = GatewayError(
            .upstreamError, "The provider answered with another model than was asked for.",
            detail: "answered by \(relay.model ?? "")", shouldRetry: false)
        // A plain answer is complete and reports its usage.
        guard relay.usage == nil || admitted?.request.streams == true else {
            return fail(error, at: now, .whole)
        }
        relayingStarted
            ? breakStream(error, mayReadOn: false, at: now) : failInFlight(error, at: now, mayReadOn: false)
    }
}
