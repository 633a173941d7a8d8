internal import PlaneContract

/// Why an attempt failed, as far as it matters for the deployment (`docs/routing.md` has the table).
package enum FailureClass: String, Sendable, CaseIterable {
    /// 429.
    case rateLimited = "rate_limited"
    /// 503, 529, or its words in a 200.
    case overloaded
    /// Other 5xx, 408, a broken connection, an answer that is none.
    case transient
    /// No answer in time.
    case slow
    /// It broke off an answer the caller had begun to read, who could not be helped.
    case streamBroken = "stream_broken"
    /// No connection: nothing was sent.
    case unreachable
    /// No connection that can be trusted.
    case insecure
    /// The operator's credential is refused.
    case operatorAuth = "operator_auth"
    /// The operator's account is out of credit.
    case operatorQuota = "operator_quota"
    case modelMissing = "model_missing"
    /// It answered with another model of the catalogue than it is declared to serve.
    case otherModel = "other_model"

    /// How long the deployment is out at once, in milliseconds; `nil`: the breaker decides after several.
    ///
    /// - Parameter askedMs: what the provider asked for (`Retry-After`), trusted up to `CoolDown.askedMsMax`.
    func coolDownMs(askedMs: Int64?, openMs: Int64) -> Int64? {
        switch self {
        case .rateLimited: min(max(askedMs ?? openMs, 1), CoolDown.askedMsMax)
        case .streamBroken: openMs
        case .overloaded: askedMs.map { min(max($0, 1), CoolDown.askedMsMax) }
        case .operatorAuth, .modelMissing, .otherModel, .insecure: CoolDown.configurationMs
        case .operatorQuota: CoolDown.quotaMs
        case .transient, .slow, .unreachable: nil
        }
    }

    /// Whether it counts for the breaker: its own limit, or what an operator must mend, is no sign of a broken deployment.
    var countsForBreaker: Bool {
        switch self {
        case .overloaded, .transient, .slow, .streamBroken, .unreachable: true
        case .rateLimited, .insecure, .operatorAuth, .operatorQuota, .modelMissing, .otherModel: false
        }
    }

    /// Whether the request may be the cause: then it counts once for its key (`DeploymentHealth`).
    var mayBeProvoked: Bool {
        switch self {
        case .overloaded, .transient, .slow, .streamBroken, .modelMissing: true
        case .rateLimited, .unreachable, .insecure, .operatorAuth, .operatorQuota, .otherModel: false
        }
    }

    /// Whether its cool-down binds all keys at once: the provider asked for it, or the operator must act. A 404 may be about what
    /// a request names (a file, a feature), so it binds the key, and all only when several keys met it.
    var restsForAll: Bool {
        switch self {
        case .streamBroken, .modelMissing: false
        case .rateLimited, .overloaded, .transient, .slow, .unreachable, .insecure, .operatorAuth, .operatorQuota,
            .otherModel:
            true
        }
    }

    /// Whether another request cannot fare better before somebody acts.
    var isDefinite: Bool {
        switch self {
        case .operatorAuth, .operatorQuota, .modelMissing, .otherModel, .insecure: true
        case .rateLimited, .overloaded, .transient, .slow, .streamBroken, .unreachable: false
        }
    }

    /// Whether the same deployment may be asked once more, when it said so itself with an error status.
    package var allowsRetry: Bool {
        switch self {
        case .overloaded, .transient: true
        case .rateLimited, .slow, .streamBroken, .unreachable, .insecure, .operatorAuth, .operatorQuota, .modelMissing,
            .otherModel:
            false
        }
    }
}

/// What one attempt showed of its deployment. Times are milliseconds.
package enum AttemptNote: Sendable, Equatable {
    /// The first event of a stream came, so long after the attempt began.
    case firstToken(afterMs: Int64)
    /// A stream ended well; so long after its first event.
    case streamed(tokens: Int64, overMs: Int64)
    /// A whole answer came, so long after the attempt began.
    case answered(tokens: Int64, afterMs: Int64)
    case failed(FailureClass, askedMs: Int64?)
    /// The attempt ended and says nothing about its deployment: the caller left, or the request was at fault.
    case noVerdict
}

/// A note with what it is about.
package struct AttemptReport: Sendable, Equatable {
    package var deployment: String
    package var provider: String
    /// Whose request it was.
    package var key: KeyMark
    /// When the attempt began, in the walk's milliseconds.
    package var startedMs: Int64
    package var streams: Bool
    /// No first token and no answer had come before this.
    package var wasWaiting: Bool
    package var note: AttemptNote

    package init(
        _ target: RouteTarget, for key: KeyMark, startedMs: Int64, streams: Bool, wasWaiting: Bool, _ note: AttemptNote
    ) {
        deployment = target.deployment.id
        provider = target.deployment.provider
        self.key = key
        self.startedMs = startedMs
        self.streams = streams
        self.wasWaiting = wasWaiting
        self.note = note
    }
}
