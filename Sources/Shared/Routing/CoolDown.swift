/// How long a deployment is left alone after what it said, in milliseconds.
package struct CoolDown: Sendable, Equatable {
    /// A provider that asks for more waits no longer than this.
    package static let askedMsMax: Int64 = 60_000
    /// A refused credential, an unknown model, an untrusted certificate.
    package static let configurationMs: Int64 = 60_000
    /// No credit left.
    package static let quotaMs: Int64 = 300_000

    package let untilMs: Int64
    package let `class`: FailureClass

    func isDefinite(atMs now: Int64) -> Bool { now < untilMs && self.class.isDefinite }
}

extension CoolDown? {
    /// The longer of two counts.
    mutating func extend(for failure: FailureClass, untilMs: Int64) {
        if untilMs >= self?.untilMs ?? .min { self = CoolDown(untilMs: untilMs, class: failure) }
    }
}
