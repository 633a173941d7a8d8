import AdminCore
import Foundation
import GatewayModel
import PlaneContract
import RedisModel
import RouteExplanations
import Routing
import Testing

/// Explanations from the snapshot and the measurements that workers left in a Redis in memory.
@Suite struct RouteExplainingTests {
    private let redis = RedisModel()
    private var explaining: RouteExplaining { RouteExplaining(redis: redis) }

    private static func model(_ name: String) -> ModelEntry {
        ModelEntry(
            name: name, vendor: "openai", kind: "chat", created: 1, contextWindow: nil, maxOutputTokens: 100,
            vision: false, tools: true, wantsMaxCompletionTokens: false, firstEventMs: 1, idleMs: 1,
            prices: [Price(id: 1, effectiveFromMs: 0, input: 1, cacheRead: 1, cacheWrite: 1, output: 1, reasoning: 1)])
    }

    private func publish() throws {
        let snapshot = GatewaySnapshot(
            version: 1,
            providers: [ProviderEntry(id: "p", dialect: "openai", baseURL: "https://p/v1", allowedNetworks: [])],
            credentials: [], models: [Self.model("small"), Self.model("large")],
            deployments: ["small", "large"].map {
                DeploymentEntry(
                    id: "\($0)-1", model: $0, provider: "p", credential: nil, upstreamModel: $0, order: 0, weight: 1)
            }, aliases: [])
        let text = String(decoding: try JSONEncoder().encode(snapshot), as: UTF8.self)
        redis.with { $0.hashes[RedisKeys.snapshot] = ["v": "1", "record": text] }
    }

    private func explain(_ model: String, allowed: [String]? = nil) async throws -> RouteExplanation {
        try await explaining.explain(RouteQuestion(model: model, keyID: nil, facts: RouteFacts()), allowed: allowed)
    }

    private func refusal(_ model: String, allowed: [String]? = nil) async -> String? {
        do {
            _ = try await explain(model, allowed: allowed)
            return nil
        } catch {
            return (error as? AdminError)?.type
        }
    }

    @Test("names the deployments of the current snapshot")
    func explains() async throws {
        try publish()
        let found = try await explain("small")
        let deployments = found.candidates.map { $0.target.deployment.id }
        #expect(found.requested == "small" && deployments == ["small-1"])
    }

    @Test("a model that is unknown, or that the key may not call, is not found")
    func notFound() async throws {
        try publish()
        #expect(await refusal("huge") == "not_found")
        #expect(await refusal("large", allowed: ["small"]) == "not_found")
        #expect(await refusal("small", allowed: ["small"]) == nil)
    }

    @Test("without a snapshot, or without Redis, the state is unavailable")
    func unavailable() async throws {
        #expect(await refusal("small") == "state_unavailable")
        redis.with { $0.hashes[RedisKeys.snapshot] = ["v": "1", "record": "{"] }
        #expect(await refusal("small") == "state_unavailable")
        try publish()
        redis.with { $0.isReachable = false }
        #expect(await refusal("small") == "state_unavailable")
    }

    @Test("uses what workers measured, and ignores what it cannot read")
    func measurements() async throws {
        try publish()
        let wallMs = Int64(Date().timeIntervalSince1970 * 1_000)
        redis.with {
            $0.hashes[RedisKeys.health] = [
                "small-1": "1 250.0 40.0 - 0.5 12 \(wallMs) \(wallMs)", "large-1": "nonsense",
            ]
        }
        // What was measured counts for less as time goes by.
        let errorRate = try #require(try await explain("small").candidates.first?.errorRate)
        #expect(errorRate > 0 && errorRate <= 0.5)
        #expect(try await explain("large").candidates.first?.errorRate == 0)
    }
}
