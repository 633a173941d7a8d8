internal import PlaneContract
internal import Reactor
package import Redis
package import Routing

/// Shares this worker's measurements through Redis, so that new workers start warm and the control plane can explain
/// routes.
///
/// Off the request path: one write of changed entries every few seconds. Best effort: without Redis, workers just do
/// not share measurements.
package struct HealthShare: Sendable {
    /// Expiry of the hash once no worker writes it any more.
    private static let keptMs = DeploymentHealth.textMsMax
    /// Writes between two removals of outdated entries, such as those of deleted deployments.
    private static let cleanEvery = 60

    private let redis: RedisClient
    private let board: SharedHealthTable
    private let everyMs: Int

    /// - Parameter everyMs: the pause between two writes.
    package init(redis: RedisClient, board: SharedHealthTable, everyMs: Int) {
        self.redis = redis
        self.board = board
        self.everyMs = everyMs
    }

    /// Reads once, then writes until cancelled.
    package func run() async {
        var isWarm = false
        var published: [String: Int64] = [:]
        var turn = 0
        while !Task.isCancelled {
            if !isWarm || turn % Self.cleanEvery == 0 { isWarm = await read(adopting: !isWarm) || isWarm }
            turn += 1
            try? await Task.sleep(for: .milliseconds(everyMs))
            await publish(&published)
        }
    }

    /// - Returns: whether Redis answered.
    private func read(adopting: Bool) async -> Bool {
        guard let words = try? await redis.call("HGETALL", RedisKeys.health).array else { return false }
        let now = Reactor.clockMs()
        let wall = Reactor.wallMs()
        var known: [(deployment: String, health: DeploymentHealth)] = []
        var old: [String] = []
        for pair in stride(from: 0, to: words.count - 1, by: 2) {
            guard let name = words[pair].string else { continue }
            if let text = words[pair + 1].string, let health = DeploymentHealth(text: text, atMs: now, wallMs: wall) {
                known.append((name, health))
            } else {
                old.append(name)
            }
        }
        if adopting { board.adopt(known) }
        if !old.isEmpty { _ = try? await redis.call(RedisCommand(["HDEL", RedisKeys.health] + old)) }
        return true
    }

    private func publish(_ published: inout [String: Int64]) async {
        let table = board.snapshot
        let now = Reactor.clockMs()
        let wall = Reactor.wallMs()
        let changed = table.deployments.filter {
            $0.value.stats.samples != published[$0.key] ?? 0 || table.isOut($0.key, atMs: now)
        }
        guard !changed.isEmpty else { return }
        let words = changed.flatMap { [$0.key, table.text(of: $0.key, atMs: now, wallMs: wall)] }
        let replies = try? await redis.pipeline([
            RedisCommand(["HSET", RedisKeys.health] + words),
            RedisCommand(["PEXPIRE", RedisKeys.health, String(Self.keptMs)]),
        ])
        guard let replies, replies.allSatisfy({ if case .success = $0 { true } else { false } }) else { return }
        published = table.deployments.mapValues(\.stats.samples)
    }
}
