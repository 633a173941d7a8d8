import GatewayModel
import PlaneContract
import Routing
import Testing

/// A catalogue with two text-only chat models, one with vision, one without a price, one without a deployment.
private func table() -> RoutingTable {
    func model(_ name: String, vision: Bool = false, priced: Bool = true) -> ModelEntry {
        ModelEntry(
            name: name, vendor: "openai", kind: "chat", created: 1, contextWindow: nil, maxOutputTokens: 100,
            vision: vision,
            tools: true, wantsMaxCompletionTokens: false, firstEventMs: 1, idleMs: 1,
            prices: priced
                ? [Price(id: 1, effectiveFromMs: 0, input: 1, cacheRead: 1, cacheWrite: 1, output: 1, reasoning: 1)]
                : [], imageTokensMax: vision ? 1_000 : nil)
    }
    func deployment(_ id: String, _ model: String, order: Int = 0, weight: Int = 1, credential: String? = nil)
        -> DeploymentEntry
    {
        DeploymentEntry(
            id: id, model: model, provider: "p", credential: credential, upstreamModel: model, order: order,
            weight: weight)
    }
    let snapshot = GatewaySnapshot(
        version: 3,
        providers: [ProviderEntry(id: "p", dialect: "openai", baseURL: "https://p/v1", allowedNetworks: [])],
        credentials: [CredentialEntry(id: "good", sealed: "s"), CredentialEntry(id: "bad", sealed: "s")],
        models: [
            model("a"), model("b"), model("eye", vision: true), model("unpriced", priced: false), model("idle"),
            model("locked"),
        ],
        deployments: [
            deployment("a-1", "a", weight: 9, credential: "good"), deployment("a-2", "a"),
            deployment("a-3", "a", order: 1),
            deployment("b-1", "b"), deployment("b-2", "b", order: 5), deployment("eye-1", "eye"),
            deployment("u-1", "unpriced"),
            deployment("l-1", "locked", credential: "bad"),
        ],
        aliases: [
            AliasEntry(
                name: "smart", needsVision: false,
                candidates: [
                    .init(model: "idle", order: 0, weight: 1), .init(model: "b", order: 1, weight: 1),
                    .init(model: "a", order: 2, weight: 1),
                    .init(model: "eye", order: 3, weight: 1),
                ]),
            AliasEntry(
                name: "vision", needsVision: true,
                candidates: [
                    .init(model: "a", order: 0, weight: 1), .init(model: "eye", order: 1, weight: 1),
                ]),
            AliasEntry(name: "blind", needsVision: true, candidates: [.init(model: "a", order: 0, weight: 1)]),
            AliasEntry(name: "dead", needsVision: false, candidates: [.init(model: "idle", order: 0, weight: 1)]),
        ])
    return RoutingTable(snapshot) { $0.id == "good" ? Secret("k") : nil }
}

private func key(_ allowed: [String]? = nil) -> KeyRecord {
    KeyRecord(
        keyID: "k", orgID: "o", name: "n", plan: "p", version: 1, orgVersion: 1, status: .active, expiresAtMs: nil,
        allowedModels: allowed, keyLimits: ScopeLimits(), orgLimits: ScopeLimits())
}

@Suite struct RoutingTableTests {
    private func ids(_ name: String, images: Bool = false, resting: Set<String> = [], _ key: KeyRecord = key()) throws
        -> [String]
    {
        var random = SystemRandomNumberGenerator()
        let table = table()
        return try table.plan(
            for: name, facts: RouteFacts(hasImages: images, hasTools: false), key: key, atMs: 5,
            health: .failing(resting, in: table, atMs: 1), nowMs: 2, random: &random
        ).targets.map(\.deployment.id)
    }

    private func error(_ name: String, images: Bool = false, _ record: KeyRecord = key()) -> GatewayError? {
        do {
            _ = try ids(name, images: images, record)
            return nil
        } catch { return error as? GatewayError }
    }

    @Test("a named model runs on its own deployments only, by order, at most three attempts")
    func named() throws {
        for _ in 0..<20 {
            let plan = try ids("a")
            #expect(Set(plan) == ["a-1", "a-2", "a-3"] && plan.last == "a-3")
        }
        #expect(try ids("b") == ["b-1", "b-2"])
    }

    @Test("an alias goes through its candidates in order and skips what nobody serves")
    func alias() throws {
        #expect(try ids("smart").prefix(2) == ["b-1", "b-2"])
        #expect(try ids("smart").count == RoutePlan.attemptsMax)
    }

    @Test("weights decide among equals")
    func weights() throws {
        let first = try (0..<1000).map { _ in try ids("a")[0] }.count { $0 == "a-1" }
        #expect((820...960).contains(first), "nine in ten: \(first)")
    }

    @Test("what fails is tried last, not never")
    func resting() throws {
        #expect(try ids("b", resting: ["b-1"]) == ["b-2", "b-1"])
        #expect(try ids("b", resting: ["b-1", "b-2"]) == ["b-1", "b-2"])
    }

    @Test("images go only to models that see; nobody stands in")
    func images() throws {
        #expect(try ids("smart", images: true) == ["eye-1"])
        #expect(try ids("vision") == ["eye-1"])
        #expect(error("a", images: true)?.kind == .invalidRequest)
    }

    @Test("what stands for tokens nobody can count goes only to models that have a bound for it")
    func media() throws {
        func refusal(_ name: String, _ media: [MediaKind: String]) -> GatewayError? {
            var random = SystemRandomNumberGenerator()
            do throws(GatewayError) {
                let facts = RouteFacts(hasImages: media[.image] != nil, media: media)
                _ = try table().plan(
                    for: name, facts: facts, key: key(), atMs: 5, health: HealthTable(), nowMs: 2, random: &random)
                return nil
            } catch { return error }
        }
        #expect(refusal("eye", [.image: "messages[0].content[0]"]) == nil)
        for kind in [MediaKind.document, .audio, .video] {
            let found = refusal("smart", [kind: "messages[3].content[1]"])
            #expect(found?.kind == .invalidRequest && found?.param == "messages[3].content[1]")
            #expect(found?.message.contains("Send ") == true)
        }
        #expect(refusal("eye", [.image: "a", .video: "b"])?.param == "b")
        #expect(refusal("a", [.image: "a"])?.message.contains("cannot read images") == true)
    }

    @Test("each dead end says what to do")
    func deadEnds() {
        #expect(error("dead")?.kind == .modelNotFound)
        #expect(
            error("dead")?.message
                == "This installation does not offer dead. It offers: smart, vision, a, b, eye (GET /v1/models lists all)."
        )
        #expect(error("dead")?.detail.contains("OPENAI_API_KEY") == true, "that is for the operator's log")
        #expect(error("dead", key(["b", "dead"]))?.message.contains("It offers: b (GET") == true)
        #expect(error("unpriced")?.kind == .modelUnpriced && error("unpriced")?.kind.status == 404)
        #expect(error("blind")?.kind == .modelNotFound, "it has a price, and sees nothing")
        #expect(error("locked")?.kind == .modelNotFound, "a credential that does not open takes its deployment out")
        #expect(error("smrt")?.message.contains("'smart'") == true)
        #expect(error("a", key(["b"]))?.message == error("a", key(["b"]))?.message)
        #expect(error("smart", key(["b"]))?.kind == .modelNotFound)
    }

    @Test("the list shows aliases first and only what this key can call and an engine serves")
    func list() {
        #expect(table().callable(by: key(), atMs: 5).map(\.name) == ["smart", "vision", "a", "b", "eye"])
        #expect(table().callable(by: key(["b", "smart", "idle"]), atMs: 5).map(\.name) == ["smart", "b"])
    }
}
