package import KeyMaterial
package import Logging
package import NIOCore
internal import Operations
internal import PlaneContract
package import Redis
package import ResponseCache

/// The worker's secret files, followed while it runs (`SecretFollower`).
package struct WorkerSecrets: Sendable {
    private let pepper: LiveSecret
    /// Opens the credentials in snapshots.
    package let sealKey: LiveSecret
    private let redisPassword: LiveSecret?

    /// - Throws: when a file cannot be read or holds no secret.
    package init(_ settings: WorkerSettings) throws {
        pepper = try LiveSecret(path: settings.pepperFile, versionsMax: KeyDigester.peppersMax)
        sealKey = try LiveSecret(path: settings.sealKeyFile)
        redisPassword = settings.stateRedisPassword
    }

    /// Digests keys with the peppers in force.
    package var digester: KeyDigester { KeyDigester(peppers: pepper.file) }
    /// Derived from the seal key in force.
    package var cacheSecrets: CacheSecrets { CacheSecrets(secret: sealKey.file.current.bytes) }

    /// Runs until cancelled.
    ///
    /// - Parameters:
    ///   - sealedUnder: versions of the seal key that the configuration in force is sealed under.
    ///   - apply: gets which of the two files has changed.
    package func follow(
        as workerID: String, _ endpoint: RedisEndpoint, on eventLoop: any EventLoop, log: Logger,
        sealedUnder: @Sendable () -> [Int], apply: @Sendable (_ newPeppers: Bool, _ newSealKey: Bool) -> Void
    ) async {
        let follower = SecretFollower(
            [.pepper: pepper, .sealKey: sealKey, .redisDP: redisPassword], redisPassword: .redisDP)
        await follower.run(as: workerID, endpoint, on: eventLoop, log: log, sealedUnder: { sealedUnder() }) { turn in
            if !turn.changed.isEmpty { apply(turn.changed.contains(.pepper), turn.changed.contains(.sealKey)) }
        }
    }
}
