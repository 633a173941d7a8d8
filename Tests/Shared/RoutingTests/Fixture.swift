import GatewayModel
import PlaneContract
import Routing

extension HealthTable {
    /// A table in which some deployments have just failed for enough keys to open their breakers.
    static func failing(_ ids: Set<String>, in table: RoutingTable, atMs now: Int64) -> HealthTable {
        var health = HealthTable()
        for target in table.allTargets where ids.contains(target.deployment.id) {
            for n in 0..<CircuitBreaker.failuresMax {
                health.attempt(target, for: KeyHash("key \(n)"), .failed(.transient, retryAfterMs: nil), atMs: now)
            }
        }
        return health
    }

    /// An attempt that ends at once.
    mutating func attempt(
        _ target: RouteTarget, for key: KeyHash = anyKeyHash, _ note: AttemptObservation, takingMs: Int64 = 0,
        atMs now: Int64
    ) {
        began(target, for: key, streams: true, isFirst: true, atMs: now - takingMs)
        self.record(
            AttemptReport(target, for: key, startedMs: now - takingMs, streams: true, wasWaiting: true, note), atMs: now
        )
    }
}

/// A deployment and its model in one line.
struct Engine {
    var id: String
    var provider = "p"
    var order = 0
    var modelOrder = 0
    var weight = 1
    var vision = false
    var tools = true
    var window: Int64?
    /// Nano-USD per million tokens, in and out.
    var price: Int64 = 1_000_000_000

    var model: ModelEntry {
        ModelEntry(
            name: "model-\(id)", vendor: "v", kind: "chat", created: 1, contextWindow: window, maxOutputTokens: 1_000,
            vision: vision, tools: tools, wantsMaxCompletionTokens: false, firstEventMs: 60_000, idleMs: 60_000,
            prices: [
                Price(
                    id: 1, effectiveFromMs: 0, input: price, cacheRead: price, cacheWrite: price, output: price,
                    reasoning: price)
            ], imageTokensMax: vision ? 1_000 : nil)
    }
}

/// An alias `all` over one model per deployment.
func routes(
    _ engines: [Engine], by objective: Objective?, needsTools: Bool = false, windowMin: Int64? = nil,
    priceMax: Int64? = nil
) -> RoutingTable {
    RoutingTable(
        GatewaySnapshot(
            version: 1,
            providers: Set(engines.map(\.provider)).sorted().map {
                ProviderEntry(id: $0, dialect: "openai", baseURL: "https://\($0)/v1", allowedNetworks: [])
            }, credentials: [], models: engines.map(\.model),
            deployments: engines.map {
                DeploymentEntry(
                    id: $0.id, model: "model-\($0.id)", provider: $0.provider, credential: nil, upstreamModel: "m",
                    order: $0.order, weight: $0.weight)
            },
            aliases: [
                AliasEntry(
                    name: "all", needsVision: false,
                    candidates: engines.map { .init(model: "model-\($0.id)", order: $0.modelOrder, weight: 1) },
                    needsTools: needsTools, contextWindowMin: windowMin, priceMax: priceMax, objective: objective)
            ])
    ) { _ in nil }
}

let anyKey = KeyRecord(
    keyID: "k", orgID: "o", name: "n", plan: "p", version: 1, orgVersion: 1, status: .active, expiresAtMs: nil,
    allowedModels: nil, keyLimits: ScopeLimits(), orgLimits: ScopeLimits())

let anyKeyHash = KeyHash(anyKey.keyID)

/// A generator whose failing seed replays exactly.
struct Seeded: RandomNumberGenerator {
    private var random: SplitMix64

    init(_ seed: UInt64) { random = SplitMix64(state: seed) }

    mutating func next() -> UInt64 { random.next() }

    /// Roughly normal, mean 0 and variance 1: the sum of twelve uniform numbers minus six.
    mutating func normal() -> Double { (0..<12).reduce(-6) { sum, _ in sum + Double.random(in: 0..<1, using: &self) } }
}
