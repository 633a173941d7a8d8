import GatewayModel
import PlaneContract
import Routing
import Testing

@Suite struct DialectRoutingTests {
    /// One model at providers with these dialects, in this order.
    private func table(_ dialects: [String], kind: String = "chat") -> RoutingTable {
        let price = Price(id: 1, effectiveFromMs: 0, input: 1, cacheRead: 1, cacheWrite: 1, output: 1, reasoning: 1)
        let model = ModelEntry(
            name: "m", vendor: "v", kind: kind, created: 0, contextWindow: nil, maxOutputTokens: 100, vision: false,
            tools: true, wantsMaxCompletionTokens: false, firstEventMs: 1, idleMs: 1, prices: [price])
        let snapshot = GatewaySnapshot(
            version: 1,
            providers: dialects.map {
                ProviderEntry(id: $0, dialect: $0, baseURL: "https://p/v1", allowedNetworks: [])
            },
            credentials: [], models: [model],
            deployments: dialects.enumerated().map { at, dialect in
                DeploymentEntry(
                    id: "at-" + dialect, model: "m", provider: dialect, credential: nil, upstreamModel: "m", order: at,
                    weight: 1)
            }, aliases: [])
        return RoutingTable(snapshot) { _ in nil }
    }

    private func plan(_ table: RoutingTable, _ operation: GatewayModel.Operation) throws(GatewayError) -> [String] {
        let key = KeyRecord(
            keyID: "k", orgID: "o", name: "n", plan: "p", version: 1, orgVersion: 1, status: .active, expiresAtMs: nil,
            allowedModels: nil, keyLimits: ScopeLimits(), orgLimits: ScopeLimits())
        var random = SystemRandomNumberGenerator()
        return try table.plan(
            for: "m", facts: RouteFacts(operation: operation), key: key, atMs: 1, health: HealthTable(), nowMs: 1,
            random: &random
        ).targets.map(\.deployment.id)
    }

    @Test("goes only where the vendor has such an endpoint")
    func endpoints() throws {
        let table = table(["anthropic", "vllm", "groq", "openai"])
        #expect(try plan(table, .chat) == ["at-anthropic", "at-vllm", "at-groq"])
        #expect(try plan(table, .completion) == ["at-vllm", "at-openai"])
    }

    @Test("says so when none has", arguments: [["anthropic"], ["groq", "deepseek"]])
    func none(dialects: [String]) {
        do throws(GatewayError) {
            _ = try plan(table(dialects), .completion)
            Issue.record("a plan without an endpoint")
        } catch {
            #expect(error.kind == .invalidRequest && error.message.contains("/completions"))
        }
    }

    @Test("a dialect of a newer release takes no request")
    func unknown() throws {
        #expect(try plan(table(["klingon", "vllm"]), .chat) == ["at-vllm"])
        #expect(throws: GatewayError.self) { try plan(table(["klingon"]), .chat) }
    }
}
