internal import FoundationEssentials
internal import KeyMaterial
internal import Logging
internal import NIOCore
internal import PlaneContract
internal import Redis
internal import ResponseCache

/// The worker's secret files, read again every second: a new version is used without a restart.
///
/// Each time, the worker reports the versions it holds to Redis, so that a rotation proceeds only once every worker can
/// open what will be sealed next.
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

    /// The versions held now, by secret.
    private var held: [String: [String]] {
        var held = [
            SecretName.pepper.rawValue: pepper.file.versions.map(\.name),
            SecretName.sealKey.rawValue: sealKey.file.versions.map(\.name),
        ]
        held[SecretName.redisDP.rawValue] = redisPassword.map { [$0.file.current.name] }
        return held
    }

    /// Runs until cancelled.
    ///
    /// - Parameters:
    ///   - sealedUnder: versions of the seal key that the configuration in force is sealed under.
    ///   - apply: gets which of the two files has changed.
    func follow(
        as workerID: String, _ endpoint: RedisEndpoint, on eventLoop: any EventLoop, log: Logger,
        sealedUnder: @Sendable () -> [Int], apply: @Sendable (_ newPeppers: Bool, _ newSealKey: Bool) -> Void
    ) async {
        var redis = RedisClient(endpoint, on: eventLoop, deadline: .seconds(2))
        var before = held
        var lastError = ""
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(SecretReport.everyMs))
            lastError = refresh(after: lastError, log)
            let now = held
            if now != before {
                let changed = SecretName.allCases.filter { now[$0.rawValue] != before[$0.rawValue] }
                log.notice("secret files changed", metadata: ["which": "\(changed.map(\.rawValue))"])
                apply(changed.contains(.pepper), changed.contains(.sealKey))
                if changed.contains(.redisDP) {
                    redis.close()
                    redis = RedisClient(endpoint, on: eventLoop, deadline: .seconds(2))
                }
                before = now
            }
            let report = SecretReport(atMs: 0, held: now, sealedUnder: sealedUnder())
            try? await Self.publish(report, as: workerID, over: redis)
        }
        _ = try? await redis.call("HDEL", RedisKeys.secretReports, workerID)
        redis.close()
    }

    /// - Returns: what is wrong with the files; logged when it differs from `lastError`.
    private func refresh(after lastError: String, _ log: Logger) -> String {
        let now = LiveSecret.refresh([pepper, sealKey, redisPassword])
        if !now.isEmpty, now != lastError {
            log.error("secret file rejected; its previous content stays in use", metadata: ["reason": "\(now)"])
        }
        return now
    }

    private static func publish(_ report: SecretReport, as workerID: String, over redis: RedisClient) async throws {
        guard let seconds = try await redis.call("TIME").array?.first?.integer else { return }
        var report = report
        report.atMs = seconds * 1_000
        let text = String(decoding: try JSONEncoder().encode(report), as: UTF8.self)
        _ = try await redis.call("HSET", RedisKeys.secretReports, workerID, text)
    }
}
