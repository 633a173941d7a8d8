package import AdminCore
internal import PlaneContract
internal import Redis
package import StateRedisAccess

/// Whether a change is in force on every worker.
///
/// It is once it is published and each worker either asks Redis about every request or has stopped admitting.
package struct PropagationCheck: Sendable {
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
                !ProcessName.isControlPlane(owner), Self.mayAdmitUnchecked(beat, nowMs: seconds * 1_000)
            else { continue }
            workers.append(owner)
        }
        return workers.sorted()
    }

    private static func mayAdmitUnchecked(_ text: String, nowMs: Int64) -> Bool {
        guard let beat = Heartbeat(text) else { return true }
        let silentMs = nowMs - beat.atMs
        return silentMs <= PlaneTiming.stoppedMs && (beat.isCutOff || silentMs > PlaneTiming.connectedMs)
    }
}
