internal import Admission
internal import PlaneContract
internal import Routing

/// How the deployment of an answer was chosen.
struct ChosenRoute {
    /// Why the attempt before failed.
    var after: FailureClass?
    /// It is the deployment of the attempt before.
    var isRetry = false
}

/// Headers of every model response: how the deployment was chosen, and what the key has left.
extension HeaderBlock {
    mutating func add(_ route: ChosenRoute, _ attempt: Attempt, of admitted: AdmittedRequest) {
        add("x-aihub-model-requested", Self.visible(admitted.request.model))
        add("x-aihub-deployment", attempt.target.deployment.id)
        add("x-aihub-attempts", Int64(attempt.number))
        guard attempt.number > 1, let failure = route.after else {
            return add("x-aihub-route", admitted.plan.reason.text)
        }
        let way = route.isRetry ? "retry" : "fallback"
        add("x-aihub-route", "\(way); after=\(failure.rawValue); first=\(admitted.plan.reason.text)")
    }

    mutating func add(_ admission: Admission) {
        if let state = admission.requests {
            add("x-ratelimit-limit-requests", state.limit)
            add("x-ratelimit-remaining-requests", max(0, state.remaining))
            add("x-ratelimit-reset-requests", state.resetMs, unit: "ms")
        }
        if let state = admission.tokens {
            add("x-ratelimit-limit-tokens", state.limit)
            add("x-ratelimit-remaining-tokens", max(0, state.remaining))
            add("x-ratelimit-reset-tokens", state.resetMs, unit: "ms")
        }
    }

    /// The name as the caller wrote it; bytes that are not visible ASCII are replaced, since headers cannot carry them.
    private static func visible(_ name: String) -> String {
        name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
            ? name : String(decoding: name.utf8.map { $0 > 0x20 && $0 < 0x7f ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
