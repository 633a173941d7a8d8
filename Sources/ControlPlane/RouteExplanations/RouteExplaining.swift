package import AdminCore
internal import FoundationEssentials
internal import GatewayModel
internal import PlaneContract
package import Redis
package import Routing

/// Explains routes from what the workers use: their current snapshot and the measurements they share in Redis.
package struct RouteExplaining: Sendable {
    /// The largest snapshot that is read, in bytes.
    package static let replyBytesMax = 64 << 20

    private let redis: any RedisCalling

    /// - Parameter redis: the state Redis; its replies may be up to `replyBytesMax`.
    package init(redis: any RedisCalling) { self.redis = redis }

    /// - Parameter allowed: the names the key may call; `nil` for all.
    /// - Throws: `AdminError.stateUnavailable` without a snapshot, `.notFound` for a model the key may not call.
    package func explain(_ question: RouteQuestion, allowed: [String]?) async throws -> RouteExplanation {
        guard
            let replies = try? await redis.pipeline([
                RedisCommand(["HGET", RedisKeys.snapshot, RedisField.record]),
                RedisCommand(["HGETALL", RedisKeys.health]),
            ]),
            let text = (try? replies[0].get())?.string, let words = (try? replies[1].get())?.array,
            let snapshot = try? JSONDecoder().decode(GatewaySnapshot.self, from: Data(text.utf8))
        else { throw AdminError.stateUnavailable }
        let nowMs = Int64(Date().timeIntervalSince1970 * 1_000)
        // Credentials stay sealed: whether a worker can open them is not checked here.
        let table = RoutingTable(snapshot) { _ in Secret("") }
        var random = SystemRandomNumberGenerator()
        do {
            return try table.explain(
                question.model, facts: question.facts, key: Self.key(allowed), atMs: nowMs,
                health: Self.health(words, nowMs: nowMs), nowMs: nowMs, random: &random)
        } catch {
            throw AdminError.notFound("A model '\(question.model.prefix(64))' that this key may call")
        }
    }

    private static func health(_ words: [RESPValue], nowMs: Int64) -> HealthTable {
        var table = HealthTable()
        for at in stride(from: 0, to: words.count - 1, by: 2) {
            guard let name = words[at].string, let text = words[at + 1].string,
                let health = DeploymentHealth(text: text, atMs: nowMs, wallMs: nowMs)
            else { continue }
            table.adopt(health, of: name)
        }
        return table
    }

    private static func key(_ allowed: [String]?) -> KeyRecord {
        KeyRecord(
            keyID: "", orgID: "", name: "", plan: "", version: 0, orgVersion: 0, status: .active, expiresAtMs: nil,
            allowedModels: allowed, keyLimits: ScopeLimits(), orgLimits: ScopeLimits())
    }
}
