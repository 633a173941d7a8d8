internal import KeyMaterial
internal import Logging
internal import NIOCore
internal import Operations
internal import PlaneContract
internal import Redis
internal import ResponseCache

/// The worker's secret files, followed while it runs (`SecretFollower`).
struct WorkerSecrets: Sendable {
    let pepper: LiveSecret
    let sealKey: LiveSecret
    let redisPassword: LiveSecret?

    init(_ settings: WorkerSettings) throws {
        pepper = try LiveSecret(path: settings.pepperFile, versionsMax: KeyDigester.peppersMax)
        sealKey = try LiveSecret(path: settings.sealKeyFile)
        redisPassword = settings.stateRedisPassword
    }

    var digester: KeyDigester { KeyDigester(peppers: pepper.file) }
    var cacheSecrets: CacheSecrets { CacheSecrets(secret: sealKey.file.current.bytes) }

    /// Runs until cancelled.
    ///
    /// - Parameters:
    ///   - sealedUnder: versions of the seal key that the configuration in force is sealed under.
    ///   - apply: gets which of the two files has changed.
    func follow(
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
