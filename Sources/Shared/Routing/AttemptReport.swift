internal import PlaneContract

/// Why an attempt failed, from the deployment's point of view (`docs/routing.md` has the table).
package enum FailureClass: String, Sendable, CaseIterable {
    /// 429.
    case rateLimited = "rate_limited"
    /// 503, 529, or an overload error in a 200.
    case overloaded
    /// Another 5xx, 408, a broken connection, or an unreadable response.
    case transient
    /// No response in time.
    case slow
    /// It broke off after the client had begun to read, too late for a fallback.
    case streamBroken = "stream_broken"
    /// No connection could be made: nothing was sent.
    case unreachable
    /// The connection could not be trusted.
    case insecure
    /// The provider refused the operator's credential.
    case operatorAuth = "operator_auth"
    /// The operator's account has no credit left.
    case operatorQuota = "operator_quota"
    case modelMissing = "model_missing"
    /// It responded with a different model of the catalogue than the one it is declared to serve.
    case otherModel = "other_model"

    /// How long one such failure takes the deployment out, in milliseconds; `nil` to leave it to the breaker.
    ///
    /// - Parameter retryAfterMs: the provider's `Retry-After`, capped at `CoolDown.retryAfterMsMax`.
    func coolDownMs(retryAfterMs: Int64?, openMs: Int64) -> Int64? {
        switch self {
        case .rateLimited: min(max(retryAfterMs ?? openMs, 1), CoolDown.retryAfterMsMax)
        case .streamBroken: openMs
        case .overloaded: retryAfterMs.map { min(max($0, 1), CoolDown.retryAfterMsMax) }
        case .operatorAuth, .modelMissing, .otherModel, .insecure: CoolDown.configurationMs
        case .operatorQuota: CoolDown.quotaMs
        case .transient, .slow, .unreachable: nil
        }
    }

    /// Whether the breaker counts it.
    ///
    /// A rate limit, or a fault that only an operator can fix, does not mean a broken deployment.
    var countsForBreaker: Bool {
        switch self {
        case .overloaded, .transient, .slow, .streamBroken, .unreachable: true
        case .rateLimited, .insecure, .operatorAuth, .operatorQuota, .modelMissing, .otherModel: false
        }
    }

    /// Whether the request may have caused it: then it counts once per key (`DeploymentHealth`).
    var mayBeProvoked: Bool {
        switch self {
        case .overloaded, .transient, .slow, .streamBroken, .modelMissing: true
        case .rateLimited, .unreachable, .insecure, .operatorAuth, .operatorQuota, .otherModel: false
        }
    }

    /// Whether its cool-down applies to all keys at once, because the provider asked for it or the operator must act.
    ///
    /// A 404 may be about something the request names (a file, a feature), so it applies to the key, and to all keys
    /// only after several have met it.
    var coolsDownForAll: Bool {
        switch self {
        case .streamBroken, .modelMissing: false
        case .rateLimited, .overloaded, .transient, .slow, .unreachable, .insecure, .operatorAuth, .operatorQuota,
            .otherModel:
            true
        }
    }

    /// Whether no other request can succeed until an operator acts.
    var isDefinite: Bool {
        switch self {
        case .operatorAuth, .operatorQuota, .modelMissing, .otherModel, .insecure: true
        case .rateLimited, .overloaded, .transient, .slow, .streamBroken, .unreachable: false
        }
    }

    /// Whether the same deployment may be tried again, if it reported the failure itself with an error status.
    package var allowsRetry: Bool {
        switch self {
        case .overloaded, .transient: true
        case .rateLimited, .slow, .streamBroken, .unreachable, .insecure, .operatorAuth, .operatorQuota, .modelMissing,
            .otherModel:
            false
        }
    }
}

/// What an attempt showed about its deployment. Times are in milliseconds.
package enum AttemptObservation: Sendable, Equatable {
    /// The first event of a stream arrived, this long after the attempt began.
    case firstToken(afterMs: Int64)
    /// A stream ended normally, this long after its first event.
    case streamed(tokens: Int64, overMs: Int64)
    /// A whole response arrived, this long after the attempt began.
    case answered(tokens: Int64, afterMs: Int64)
    case failed(FailureClass, retryAfterMs: Int64?)
    /// The attempt ended and showed nothing about the deployment: the client left, or the request was at fault.
    case noVerdict
}

/// An observation and the attempt that made it.
package struct AttemptReport: Sendable, Equatable {
    package var deployment: String
    package var provider: String
    /// The key of the request.
    package var key: KeyHash
    /// When the attempt began, in milliseconds of the request's monotonic clock.
    package var startedMs: Int64
    package var streams: Bool
    /// Whether the attempt was still waiting for its first token or response.
    package var wasWaiting: Bool
    package var observation: AttemptObservation

    /// - Parameters:
    ///   - startedMs: when the attempt began, on the clock that `HealthTable.record` is called with.
    ///   - wasWaiting: whether its first token or response had not arrived.
    package init(
        _ target: RouteTarget, for key: KeyHash, startedMs: Int64, streams: Bool, wasWaiting: Bool,
        _ observation: AttemptObservation
    ) {
        deployment = target.deployment.id
        provider = target.deployment.provider
        self.key = key
        self.startedMs = startedMs
        self.streams = streams
        self.wasWaiting = wasWaiting
        self.observation = observation
    }
}
