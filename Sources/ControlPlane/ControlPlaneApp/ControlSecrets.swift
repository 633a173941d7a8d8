internal import KeyMaterial
internal import Logging
internal import NIOCore
internal import Operations
internal import PlaneContract
internal import Publication
internal import Redis
internal import Rotation

/// The control plane's secret files, followed while it runs (`SecretFollower`).
struct ControlSecrets: Sendable {
    /// Stale reports are removed once in this many turns.
    private static let turnsPerCleanup = 60

    let pepper: LiveSecret
    let sealKey: LiveSecret
    let kek: LiveSecret
    let redisPassword: LiveSecret?

    init(_ settings: ControlSettings) throws {
        pepper = try LiveSecret(path: settings.pepperFile, versionsMax: KeyDigester.peppersMax)
        sealKey = try LiveSecret(path: settings.sealKeyFile)
        kek = try LiveSecret(path: settings.kekFile)
        redisPassword = settings.stateRedisPassword
    }

    var digester: KeyDigester { KeyDigester(peppers: pepper.file) }

    /// Runs until cancelled.
    func follow(
        as owner: String, _ endpoint: RedisEndpoint, on eventLoop: any EventLoop, publisher: Publisher, log: Logger
    ) async {
        let follower = SecretFollower(
            [.pepper: pepper, .sealKey: sealKey, .kek: kek, .redisCP: redisPassword], redisPassword: .redisCP)
        await follower.run(
            as: owner, endpoint, on: eventLoop, log: log,
            sealedUnder: { await publisher.sealedUnder.map { [$0] } },
            onTurn: { turn in
                do {
                    try await publisher.publishUnderNewSealKey()
                } catch {
                    log.warning("cannot publish under the new seal key yet", metadata: ["reason": "\(error)"])
                }
                if turn.number % Self.turnsPerCleanup == 0 {
                    try? await SecretFleet(redis: turn.redis).deleteStaleReports()
                }
            })
    }
}
