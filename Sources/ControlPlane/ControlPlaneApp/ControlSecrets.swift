internal import FoundationEssentials
internal import KeyMaterial
internal import Logging
internal import NIOCore
internal import PlaneContract
internal import Redis

/// The control plane's secret files, reread every second so that a new version needs no restart.
///
/// After each read it reports the versions it holds to Redis, as the workers do.
struct ControlSecrets: Sendable {
    /// Stale reports are removed once in this many turns.
    private static let cleanEvery = 60
    private static let forgottenMs: Int64 = 86_400_000

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

    private var held: [String: [String]] {
        var held = [
            SecretName.pepper.rawValue: pepper.file.versions.map(\.name),
            SecretName.sealKey.rawValue: sealKey.file.versions.map(\.name),
            SecretName.kek.rawValue: kek.file.versions.map(\.name),
        ]
        held[SecretName.redisCP.rawValue] = redisPassword.map { [$0.file.current.name] }
        return held
    }

    /// Runs until cancelled.
    func follow(
        as owner: String, _ endpoint: RedisEndpoint, on eventLoop: any EventLoop, publisher: Publisher, log: Logger
    ) async {
        var redis = RedisClient(endpoint, on: eventLoop, deadline: .seconds(2))
        var before = held
        var complaint = ""
        var turn = 0
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(SecretReport.intervalMs))
            complaint = refresh(after: complaint, log)
            let now = held
            if now != before {
                let changed = SecretName.allCases.filter { now[$0.rawValue] != before[$0.rawValue] }
                log.notice("secret files changed", metadata: ["which": "\(changed.map(\.rawValue))"])
                if changed.contains(.redisCP) {
                    redis.close()
                    redis = RedisClient(endpoint, on: eventLoop, deadline: .seconds(2))
                }
                before = now
            }
            do {
                try await publisher.publishUnderNewSealKey()
            } catch {
                log.warning("not published under the new seal key yet", metadata: ["reason": "\(error)"])
            }
            let report = SecretReport(atMs: 0, held: now, sealedUnder: await publisher.sealedUnder.map { [$0] })
            try? await Self.say(report, as: owner, over: redis)
            if turn % Self.cleanEvery == 0 { try? await Self.clean(redis) }
            turn += 1
        }
        _ = try? await redis.call("HDEL", RedisKeys.secretReports, owner)
        redis.close()
    }

    /// - Returns: what is wrong with the files, empty if nothing. It is logged only when it has changed.
    private func refresh(after complaint: String, _ log: Logger) -> String {
        let now = LiveSecret.refresh([pepper, sealKey, kek, redisPassword])
        if !now.isEmpty, now != complaint {
            log.error("secret file refused; what it held stays in use", metadata: ["reason": "\(now)"])
        }
        return now
    }

    private static func say(_ report: SecretReport, as owner: String, over redis: RedisClient) async throws {
        guard let seconds = try await redis.call("TIME").array?.first?.integer else { return }
        var report = report
        report.atMs = seconds * 1_000
        let text = String(decoding: try JSONEncoder().encode(report), as: UTF8.self)
        _ = try await redis.call("HSET", RedisKeys.secretReports, owner, text)
    }

    private static func clean(_ redis: RedisClient) async throws {
        let fleet = try await SecretFleet(redis: redis).reports()
        let gone = fleet.reports.filter { fleet.nowMs - $0.value.atMs > forgottenMs }.map(\.key)
        if !gone.isEmpty { _ = try await redis.call(RedisCommand(["HDEL", RedisKeys.secretReports] + gone)) }
    }
}
