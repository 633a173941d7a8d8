package import AdminCore
internal import PlaneContract
internal import Redis
package import StateRedisAccess

/// Whether a change is in force on every worker.
///
/// It is once it is published and each worker either asks Redis about every request or has stopped admitting.
package struct PropagationCheck: Sendable {
    /// A worker heard from within this time is connected: 1.5 times the default heartbeat interval.
    private static let freshMs: Int64 = 7_500
    /// A worker that cannot reach Redis stops admitting 10 s after its last heartbeat; 2 s more for a reply in flight.
    private static let stoppedMs: Int64 = 10_000 + 2_000
    /// The heartbeat owner prefix of control planes, which admit nothing.
    private static let controlPrefix = "control-"
    /// The suffix of a worker's heartbeat while it admits requests without asking Redis.
    private static let cutOffMark: Character = "!"

    private let publisher: Publisher
    private let redis: StateRedis

    /// - Parameter redis: where the workers' heartbeats are.
    package init(publisher: Publisher, redis: StateRedis) {
        self.publisher = publisher
        self.redis = redis
    }

    /// Publishes pending changes.
    ///
    /// - Returns: what keeps them from being in force on every worker; `nil` when nothing does.
    package func publishAndCheck(_ scope: PropagationScope) async -> PendingPropagation? {
        let isPublished = await scope == .urgent ? publisher.publishUrgent() : publisher.publish()
        guard isPublished, let workers = try? await workersAdmittingUnchecked() else {
            return PendingPropagation(publication: true, workers: [])
        }
        return workers.isEmpty ? nil : PendingPropagation(publication: false, workers: workers)
    }

    /// The names of the workers that may be admitting requests without asking Redis.
    private func workersAdmittingUnchecked() async throws -> [String] {
        let replies = try await redis.pipeline([
            RedisCommand(["TIME"]), RedisCommand(["HGETALL", RedisKeys.heartbeats(Shard.all[0])]),
        ])
        guard let seconds = replies[0].array?.first?.integer, let beats = replies[1].array else {
            throw RedisError.protocolViolation("heartbeats")
        }
        var workers: [String] = []
        for at in stride(from: 0, to: beats.count - 1, by: 2) {
            guard let owner = beats[at].string, let beat = beats[at + 1].string,
                !owner.hasPrefix(Self.controlPrefix), Self.mayAdmitUnchecked(beat, nowMs: seconds * 1_000)
            else { continue }
            workers.append(owner)
        }
        return workers.sorted()
    }

    private static func mayAdmitUnchecked(_ beat: String, nowMs: Int64) -> Bool {
        let isCutOff = beat.last == cutOffMark
        guard let atMs = Int64(isCutOff ? beat.dropLast() : beat[...]) else { return true }
        let silentMs = nowMs - atMs
        return silentMs <= stoppedMs && (isCutOff || silentMs > freshMs)
    }
}
