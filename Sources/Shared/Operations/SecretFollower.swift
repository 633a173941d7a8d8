internal import FoundationEssentials
package import KeyMaterial
package import Logging
package import NIOCore
package import PlaneContract
package import Redis

/// The secret files of a process, reread every second: a new version is used without a restart.
///
/// After each read the process reports the versions it holds to Redis, so that a rotation proceeds only once every
/// process can open what will be sealed next.
package struct SecretFollower: Sendable {
    /// What happened in a turn, before its report is sent.
    package struct Turn: Sendable {
        /// 0 for the first turn.
        package let number: Int
        /// The secrets whose files have other versions than before.
        package let changed: Set<SecretName>
        /// Connects with the current password.
        package let redis: RedisClient
    }

    private let secrets: [(name: SecretName, file: LiveSecret)]
    private let redisPassword: SecretName

    /// - Parameters:
    ///   - secrets: the files to follow; those that are `nil` are left out.
    ///   - redisPassword: the one that this process authenticates to Redis with. Its report names only the version in
    ///     use.
    package init(_ secrets: KeyValuePairs<SecretName, LiveSecret?>, redisPassword: SecretName) {
        self.secrets = secrets.compactMap { name, file in file.map { (name, $0) } }
        self.redisPassword = redisPassword
    }

    /// Runs until cancelled, then withdraws the process's report.
    ///
    /// - Parameters:
    ///   - owner: the process's name among the reports.
    ///   - sealedUnder: the seal key versions in use, see `SecretReport.sealedUnder`.
    ///   - onTurn: runs in every turn, after the files were read.
    package func run(
        as owner: String, _ endpoint: RedisEndpoint, on eventLoop: any EventLoop, log: Logger,
        sealedUnder: @Sendable () async -> [Int]?, onTurn: @Sendable (Turn) async -> Void
    ) async {
        var redis = RedisClient(endpoint, on: eventLoop, deadline: .seconds(2))
        var before = held
        var errors = ""
        var number = 0
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(SecretReport.intervalMs))
            errors = refresh(lastErrors: errors, log)
            let now = held
            let changed = SecretName.allCases.filter { now[$0.rawValue] != before[$0.rawValue] }
            before = now
            if !changed.isEmpty {
                log.notice("secret files changed", metadata: ["which": "\(changed.map(\.rawValue))"])
            }
            if changed.contains(redisPassword) {
                redis.close()
                redis = RedisClient(endpoint, on: eventLoop, deadline: .seconds(2))
            }
            await onTurn(Turn(number: number, changed: Set(changed), redis: redis))
            let report = SecretReport(atMs: 0, held: now, sealedUnder: await sealedUnder())
            try? await Self.send(report, as: owner, over: redis)
            number += 1
        }
        _ = try? await redis.call("HDEL", RedisKeys.secretReports, owner)
        redis.close()
    }

    /// The names of the versions held now, by secret.
    private var held: [String: [String]] {
        let pairs = secrets.map { name, secret in
            let file = secret.file
            return (name.rawValue, name == redisPassword ? [file.current.name] : file.versions.map(\.name))
        }
        return Dictionary(pairs) { first, _ in first }
    }

    /// - Returns: what is wrong with the files, empty if nothing. It is logged only when it has changed.
    private func refresh(lastErrors: String, _ log: Logger) -> String {
        let errors = LiveSecret.refresh(secrets.map(\.file))
        if !errors.isEmpty, errors != lastErrors {
            log.error("secret file rejected; its previous content stays in use", metadata: ["reason": "\(errors)"])
        }
        return errors
    }

    /// Sends a report with Redis's time.
    private static func send(_ report: SecretReport, as owner: String, over redis: RedisClient) async throws {
        guard let seconds = try await redis.call("TIME").array?.first?.integer else { return }
        var report = report
        report.atMs = seconds * 1_000
        let text = String(decoding: try JSONEncoder().encode(report), as: UTF8.self)
        _ = try await redis.call("HSET", RedisKeys.secretReports, owner, text)
    }
}
