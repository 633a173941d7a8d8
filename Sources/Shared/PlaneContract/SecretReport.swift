/// The secrets that can be replaced while the gateway runs, by the names of their files.
package enum SecretName: String, CaseIterable, Sendable {
    case kek
    case sealKey = "seal-key"
    case pepper
    /// The password of the workers in the state Redis, and that of the control planes.
    case redisDP = "redis-dp"
    case redisCP = "redis-cp"
}

/// What one process says each second about the secrets it holds: by that a rotation knows when its next step is safe.
package struct SecretReport: Codable, Equatable, Sendable {
    /// How often it is said.
    package static let everyMs = 1_000
    /// Who has said nothing for so long lets no request in any more, or has ended.
    package static let freshMs: Int64 = 12_000

    /// By Redis's clock.
    package var atMs: Int64
    /// By `SecretName`: the names of the versions it holds, the one in use last. Of a password of Redis, the one its connections are made
    /// with from now on; this report came over such a connection.
    package var held: [String: [String]]
    /// Of a worker: the versions of the seal key its configuration was sealed under, once that is on its disk. Of a control plane: the
    /// version it last published under, if it has.
    package var sealedUnder: [Int]?

    package init(atMs: Int64, held: [String: [String]], sealedUnder: [Int]?) {
        self.atMs = atMs
        self.held = held
        self.sealedUnder = sealedUnder
    }

    package func holds(_ version: String, of secret: SecretName) -> Bool {
        held[secret.rawValue]?.contains(version) == true
    }

    package func uses(_ version: String, of secret: SecretName) -> Bool { held[secret.rawValue]?.last == version }
}
