package import GatewayModel
package import KeyMaterial
internal import PlaneContract
package import ResponseCache
package import Routing
internal import Translation

/// What all walks under one configuration share.
package final class WalkWorld {
    /// The worker's name in holds and events.
    package let loopID: String
    package let table: RoutingTable
    package let settings: WalkSettings
    package let bounds: Bounds
    package let digests: (HubKey) -> [String]
    /// Measurements of the deployments, from all requests of the worker.
    package let health: SharedHealthTable
    /// `nil`: this worker has no cache.
    let cache: WalkCache?
    /// Derives per-org prompt cache keys for vendors; `nil` passes the callers' own keys on.
    let secrets: CacheSecrets?
    let lost: LostAnswers
    private var names: [String: NameInCache] = [:]
    private var translators: [ObjectIdentifier: Translator] = [:]
    /// Header lines that are on every response.
    let commonLines: [UInt8]

    package init(
        loopID: String, table: RoutingTable, settings: WalkSettings, bounds: Bounds,
        digests: @escaping (HubKey) -> [String], health: SharedHealthTable, cache: WalkCache? = nil,
        secrets: CacheSecrets? = nil, lost: LostAnswers = LostAnswers()
    ) {
        self.loopID = loopID
        self.table = table
        self.settings = settings
        self.bounds = bounds
        self.digests = digests
        self.health = health
        self.cache = cache
        self.secrets = secrets
        self.lost = lost
        commonLines = Self.commonLines(version: table.version)
    }

    /// The definition and cache lifetime of an alias or model, computed once per name.
    func nameInCache(_ name: String) -> NameInCache {
        if let known = names[name] { return known }
        let found = table.definition(of: name)
        let made = NameInCache(definition: CacheSecrets.digest(found.text), seconds: found.cacheSeconds)
        names[name] = made
        return made
    }

    /// Translates for a target of `table`; prepared once per target.
    func translator(for target: RouteTarget) -> Translator {
        if let known = translators[ObjectIdentifier(target)] { return known }
        let made = Translator(
            dialect: .named(target.dialect), model: target.model, upstreamModel: target.deployment.upstreamModel)
        translators[ObjectIdentifier(target)] = made
        return made
    }

    /// The header that names the configuration in force.
    private static func commonLines(version: Int64) -> [UInt8] {
        var block = HeaderBlock()
        block.add("x-aihub-config", version)
        return block.bytes
    }

    /// CORS headers for responses to requests with an `Origin`. Errors need them too, or browsers hide the response.
    static let corsLines: [UInt8] = {
        var block = HeaderBlock()
        block.add("access-control-allow-origin", "*")
        block.add("access-control-expose-headers", exposed)
        return block.bytes
    }()

    private static let exposed = [
        "x-request-id", "x-aihub-config", "x-aihub-cost-usd", "x-aihub-model-requested", "x-aihub-deployment",
        "x-aihub-attempts", "x-aihub-route", "x-aihub-cache", "age", "retry-after", "retry-after-ms",
        "x-should-retry", "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests",
        "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens",
    ].joined(separator: ", ")
}

/// A walk's inputs, fixed at its start.
package struct WalkContext {
    package let id: RequestID
    package let world: WalkWorld
    /// Milliseconds since 1970 UTC at the start of the request.
    package let wallMs: Int64
    package let randomSeed: UInt64

    package init(id: RequestID, world: WalkWorld, wallMs: Int64, randomSeed: UInt64) {
        self.id = id
        self.world = world
        self.wallMs = wallMs
        self.randomSeed = randomSeed
    }

    /// The ID for answers whose provider sends none of the right form.
    var identity: ResponseIdentity { ResponseIdentity(id, wallMs: wallMs) }
}

/// Settings of a walk besides its bounds.
package struct WalkSettings: Sendable {
    package var pingMs: Int64 = 15_000
    package var progressMs: Int64 = 1_000
    /// How long a deployment first rests after several failed attempts.
    package var restMs = HealthTable.openMs
    /// The delay before the same deployment is retried is drawn from this range.
    package var retryMsMin: Int64 = 50
    package var retryMsMax: Int64 = 250
    /// A deployment that asks for a longer delay is not retried by this request.
    package var retryAskedMsMax: Int64 = 2_000
    /// The longest wait while running requests hold the money this one needs; 0 refuses at once. Settable.
    package var moneyWaitMs: Int64 = 10_000
    /// How much longer than the request its hold lives before the sweeper settles it.
    package var holdGraceMs: Int64 = 30_000

    package init() {}
}
