import GatewayModel
import PlaneContract
import Routing
import Testing

/// Which changes make cached answers unreachable, and which do not.
@Suite struct NameDefinitionTests {
    private static func model(_ name: String) -> ModelEntry {
        ModelEntry(
            name: name, vendor: "v", kind: "chat", created: 1, contextWindow: nil, maxOutputTokens: 100, vision: false,
            tools: true, wantsMaxCompletionTokens: false, firstEventMs: 1, idleMs: 1, prices: [])
    }

    private static func deployment(_ id: String, _ model: String) -> DeploymentEntry {
        DeploymentEntry(
            id: id, model: model, provider: "p", credential: nil, upstreamModel: "up-\(model)", order: 0, weight: 1)
    }

    private static let base = GatewaySnapshot(
        version: 1,
        providers: [ProviderEntry(id: "p", dialect: "openai", baseURL: "https://p/v1", allowedNetworks: [])],
        credentials: [], models: [model("a"), model("b"), model("c")],
        deployments: [deployment("a-1", "a"), deployment("b-1", "b"), deployment("c-1", "c")],
        aliases: [
            AliasEntry(
                name: "smart", needsVision: false,
                candidates: [.init(model: "a", order: 0, weight: 1), .init(model: "b", order: 1, weight: 1)])
        ])

    private static func definition(_ snapshot: GatewaySnapshot, _ name: String = "smart") -> NameDefinition {
        RoutingTable(snapshot) { _ in nil }.definition(of: name)
    }

    private static func changed(_ change: (inout GatewaySnapshot) -> Void) -> NameDefinition {
        var snapshot = base
        change(&snapshot)
        return definition(snapshot)
    }

    @Test("what another answer could come from changes it")
    func related() {
        let others = [
            Self.changed { $0.aliases[0].candidates[0].weight = 2 },
            Self.changed { $0.aliases[0].candidates.removeLast() },
            Self.changed { $0.aliases[0].candidates[1].order = 0 },
            Self.changed { $0.aliases[0].needsVision = true },
            Self.changed { $0.deployments[1].upstreamModel = "other" },
            Self.changed {
                $0.deployments.append(
                    DeploymentEntry(
                        id: "a-2", model: "a", provider: "p", credential: nil, upstreamModel: "new", order: 9, weight: 1
                    ))
            },
            Self.changed { $0.providers[0].baseURL = "https://q/v1" },
            Self.changed { $0.models[0].maxOutputTokens = 99 },
            Self.definition(Self.base, "a"), Self.definition(Self.base, "b"),
        ]
        #expect(Set(others.map(\.text) + [Self.definition(Self.base).text]).count == others.count + 1)
    }

    @Test("prices, deadlines, order of engines, other names and versions do not")
    func unrelated() {
        let same = [
            Self.changed { $0.version = 9 },
            Self.changed {
                $0.models[0].prices = [
                    Price(id: 1, effectiveFromMs: 0, input: 1, cacheRead: 1, cacheWrite: 1, output: 1, reasoning: 1)
                ]
            },
            Self.changed { $0.models[0].firstEventMs = 5 },
            Self.changed { $0.models[2].maxOutputTokens = 5 },
            Self.changed { $0.deployments[2].upstreamModel = "other" },
            Self.changed { $0.deployments[0].order = 5 },
            Self.changed { $0.deployments.reverse() },
            Self.changed { $0.aliases.append(AliasEntry(name: "fast", needsVision: false, candidates: [])) },
        ]
        #expect(Set(same.map(\.text)) == [Self.definition(Self.base).text])
    }

    @Test("the time is the alias's own, or the model's where that is called")
    func time() {
        var snapshot = Self.base
        snapshot.aliases[0].cacheSeconds = 5
        snapshot.models[0].cacheSeconds = 7
        #expect(Self.definition(snapshot).cacheSeconds == 5 && Self.definition(snapshot, "a").cacheSeconds == 7)
        #expect(Self.definition(snapshot, "b").cacheSeconds == nil)
    }
}
