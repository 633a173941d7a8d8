/// The secrets that can be rotated while the gateway runs, by their file names.
package enum SecretName: String, CaseIterable, Sendable {
    case kek
    case sealKey = "seal-key"
    case pepper
    /// The Redis password of the workers, and that of the control planes.
    case redisDP = "redis-dp"
    case redisCP = "redis-cp"
}

/// What each process reports every second about the secrets it holds.
///
/// A rotation learns from it when its next step is safe.
package struct SecretReport: Codable, Equatable, Sendable {
    /// The reporting interval.
    package static let intervalMs = 1_000
    /// A process without a report for this long has ended or no longer admits requests.
    package static let expiryMs = PlaneTiming.stoppedMs

    /// The time of the report, by Redis's clock.
    package var atMs: Int64
    /// Version names by `SecretName`, the one in use last.
    ///
    /// For a Redis password, the version that new connections use; this report was sent over such a connection.
    package var held: [String: [String]]
    /// The seal key versions in use.
    ///
    /// For a worker, those its configuration is sealed under, once that is on its disk. For a control plane, the one it
    /// last published under, if any.
    package var sealedUnder: [Int]?

    package init(atMs: Int64, held: [String: [String]], sealedUnder: [Int]?) {
        self.atMs = atMs
        self.held = held
        self.sealedUnder = sealedUnder
    }

    /// Whether the process could open what was made under this version.
    package func holds(_ version: String, of secret: SecretName) -> Bool {
        held[secret.rawValue]?.contains(version) == true
    }

    /// Whether the process makes new things under this version.
    package func uses(_ version: String, of secret: SecretName) -> Bool { held[secret.rawValue]?.last == version }
}
