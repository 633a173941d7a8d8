import AdminCore
import GatewayModel
import PlaneContract
import Routing

/// Explains routes over a snapshot with two models, as the control plane does over the workers' own.
enum ExplainedRoutes {
    private static let snapshot = GatewaySnapshot(
        version: 1,
        providers: [ProviderEntry(id: "p", dialect: "openai", baseURL: "https://p/v1", allowedNetworks: [])],
        credentials: [], models: [model("small"), model("large")],
        deployments: ["small", "large"].map {
            DeploymentEntry(
                id: "\($0)-1", model: $0, provider: "p", credential: nil, upstreamModel: $0, order: 0, weight: 1)
        }, aliases: [])

    private static func model(_ name: String) -> ModelEntry {
        ModelEntry(
            name: name, vendor: "openai", kind: "chat", created: 1, contextWindow: nil, maxOutputTokens: 100,
            vision: false, tools: true, wantsMaxCompletionTokens: false, firstEventMs: 1, idleMs: 1,
            prices: [Price(id: 1, effectiveFromMs: 0, input: 1, cacheRead: 1, cacheWrite: 1, output: 1, reasoning: 1)],
            imageTokensMax: nil)
    }

    @Sendable static func explain(_ question: RouteQuestion, allowed: [String]?) async throws -> RouteExplanation {
        var random = SystemRandomNumberGenerator()
        let key = KeyRecord(
            keyID: "", orgID: "", name: "", plan: "", version: 0, orgVersion: 0, status: .active, expiresAtMs: nil,
            allowedModels: allowed, keyLimits: ScopeLimits(), orgLimits: ScopeLimits())
        do {
            return try RoutingTable(snapshot) { _ in nil }.explain(
                question.model, facts: question.facts, key: key, atMs: 0, health: HealthTable(), nowMs: 0,
                random: &random)
        } catch {
            throw AdminError.notFound("The model '\(question.model)'")
        }
    }
}
