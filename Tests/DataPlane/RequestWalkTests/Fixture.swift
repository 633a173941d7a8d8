import Admission
import GatewayModel
import KeyMaterial
import PlaneContract
import RequestWalk
import ResponseCache
import Routing

/// The configuration of all simulated walks: one alias, one model, up to four deployments of it.
enum Fixture {
    static let use = PeekVerdict(
        head: ["0", "5"], scopes: [[String]](repeating: [String](repeating: "1", count: 11), count: 2))

    private static let tables = AfterCloses.allCases.map { kind in
        [RoutingTable.empty] + (1...4).map { table($0, kind) }
    }

    /// Which deployments stop billing when their connection is closed.
    enum AfterCloses: Int, CaseIterable { case all, none, everyOther }
    private static let digests = Walker.digester.digests(of: Walker.key)

    static func world(_ scenario: WalkScenario) -> WalkWorld {
        WalkWorld(
            loopID: "w", table: tables[scenario.afterCloses.rawValue][scenario.deployments],
            settings: scenario.settings,
            bounds: scenario.bounds,
            digests: { _ in digests }, health: SharedHealthTable(),
            cache: scenario.hasCache ? cache : nil)
    }

    /// A new one each time, because it counts the cached answers.
    static var cache: WalkCache { WalkCache(secrets, defaultSeconds: 60) }
    private static let secrets = CacheSecrets(secret: [UInt8](repeating: 5, count: 32))

    /// The cached answer to the scenario's request.
    static func cached(streams: Bool) -> CachedResponse {
        let plain = #"{"model":"kept-model","choices":[{"message":{"content":"kept"},"finish_reason":"stop"}]}"#
        let delta = #"{"model":"kept-model","choices":[{"delta":{"content":"kept"}}]}"#
        let content = streams ? "data: \(delta)\n\n" : plain
        return CachedResponse(
            isStream: streams, content: Array(content.utf8), madeMs: 0, lifetimeMs: 60_000, cost: NanoUSD(77),
            priceID: 7,
            model: "kept-model", deployment: "kept-1")
    }

    /// One nano-USD per input token, two per output token.
    private static let price = Price(
        id: 7, effectiveFromMs: 0, input: 1_000_000, cacheRead: 1_000_000, cacheWrite: 1_000_000, output: 2_000_000,
        reasoning: 2_000_000)

    private static func table(_ deployments: Int, _ kind: AfterCloses) -> RoutingTable {
        let model = ModelEntry(
            name: "m", vendor: "v", kind: "chat", created: 0, contextWindow: nil, maxOutputTokens: 100, vision: false,
            tools: true, wantsMaxCompletionTokens: false, firstEventMs: 1_000, idleMs: 500, prices: [price])
        let entries = (1...deployments).map {
            DeploymentEntry(
                id: "d\($0)", model: "m", provider: "p", credential: nil, upstreamModel: "real-\($0)", order: $0,
                weight: 1, afterClose: kind == .all || kind == .everyOther && $0 % 2 == 1 ? .stops : .runsOn)
        }
        let alias = AliasEntry(
            name: "smart", needsVision: false, candidates: [.init(model: "m", order: 0, weight: 1)])
        let provider = ProviderEntry(id: "p", dialect: "openai", baseURL: "http://p/v1", allowedNetworks: [])
        return RoutingTable(
            GatewaySnapshot(
                version: 1, providers: [provider], credentials: [], models: [model], deployments: entries,
                aliases: [alias])
        ) { _ in nil }
    }
}
