internal import FoundationEssentials
package import PlaneContract
package import Redis

/// The secrets that live workers and control planes report to hold.
package struct SecretFleet: Sendable {
    private static let keptMs: Int64 = 86_400_000

    package struct Process: Sendable {
        package var name: String
        /// `nil` for a live process that sends no reports, as older releases do.
        package var report: SecretReport?

        package var isControlPlane: Bool { ProcessName.isControlPlane(name) }
    }

    let redis: any RedisCalling

    /// - Parameter redis: the state Redis.
    package init(redis: any RedisCalling) { self.redis = redis }

    /// All reports by process, stale ones included, and Redis's time.
    package func reports() async throws -> (nowMs: Int64, reports: [String: SecretReport]) {
        guard let seconds = try await redis.call("TIME").array?.first?.integer else {
            throw RedisError.protocolViolation("time")
        }
        let texts = Self.pairs(try await redis.call("HGETALL", RedisKeys.secretReports))
        let reports = texts.compactMapValues { try? JSONDecoder().decode(SecretReport.self, from: Data($0.utf8)) }
        return (seconds * 1_000, reports)
    }

    /// Every process with a recent report or heartbeat.
    package func processes() async throws -> [Process] {
        let (nowMs, reports) = try await reports()
        var found = reports.filter { nowMs - $0.value.atMs <= SecretReport.expiryMs }
            .mapValues { Optional($0) }
        let beats = Self.pairs(try await redis.call("HGETALL", RedisKeys.heartbeats(Shard.all[0])))
        for (owner, beat) in beats {
            guard let atMs = Heartbeat(beat)?.atMs, nowMs - atMs <= SecretReport.expiryMs else { continue }
            // Each event loop of a worker has its own heartbeat.
            let name = ProcessName.process(of: owner)
            if found[name] == nil { found.updateValue(nil, forKey: name) }
        }
        return found.map { Process(name: $0.key, report: $0.value) }.sorted { $0.name < $1.name }
    }

    /// Deletes the reports of processes that ended more than a day ago.
    package func deleteStaleReports() async throws {
        let (nowMs, reports) = try await reports()
        let gone = reports.filter { nowMs - $0.value.atMs > Self.keptMs }.map(\.key)
        if !gone.isEmpty { _ = try await redis.call(RedisCommand(["HDEL", RedisKeys.secretReports] + gone)) }
    }

    private static func pairs(_ reply: RESPValue) -> [String: String] {
        let words = (reply.array ?? []).map { $0.string ?? "" }
        let fields = stride(from: 0, to: words.count - 1, by: 2).map { (words[$0], words[$0 + 1]) }
        return Dictionary(fields) { first, _ in first }
    }
}
