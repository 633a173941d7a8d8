/// How long a deployment is left alone after a failure, in milliseconds.
package struct CoolDown: Sendable, Equatable {
    /// The cap on a wait that a provider asks for.
    package static let retryAfterMsMax: Int64 = 60_000
    /// For a refused credential, an unknown model or an untrusted certificate.
    package static let configurationMs: Int64 = 60_000
    /// For an account without credit.
    package static let quotaMs: Int64 = 300_000

    package let untilMs: Int64
    package let `class`: FailureClass

    func isDefinite(atMs now: Int64) -> Bool { now < untilMs && self.class.isDefinite }
}

extension CoolDown? {
    /// Keeps whichever cool-down ends later.
    mutating func extend(for failure: FailureClass, untilMs: Int64) {
        if untilMs >= self?.untilMs ?? .min { self = CoolDown(untilMs: untilMs, class: failure) }
    }
}
