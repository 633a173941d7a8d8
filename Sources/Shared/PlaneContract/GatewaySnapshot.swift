package import GatewayModel

/// A worker's whole routing configuration, as one immutable value.
///
/// It is stored as JSON under `cfg:snap` and on the worker's disk.
///
/// It contains credentials, sealed with the seal key, but no keys, of which there may be a million.
package struct GatewaySnapshot: Codable, Sendable {
    /// The format version. A worker reads every older format; when it sees a newer one, it keeps the snapshot it has.
    package static let currentFormat = 2

    package var format = GatewaySnapshot.currentFormat
    /// Increases by at least one with every published change.
    package var version: Int64
    package var providers: [ProviderEntry]
    package var credentials: [CredentialEntry]
    package var models: [ModelEntry]
    package var deployments: [DeploymentEntry]
    package var aliases: [AliasEntry]

    package init(
        version: Int64, providers: [ProviderEntry], credentials: [CredentialEntry], models: [ModelEntry],
        deployments: [DeploymentEntry], aliases: [AliasEntry]
    ) {
        self.version = version
        self.providers = providers
        self.credentials = credentials
        self.models = models
        self.deployments = deployments
        self.aliases = aliases
    }
}

package struct ProviderEntry: Codable, Sendable, Hashable {
    package var id: String
    /// The provider's wire format: a `DialectName`, or one of a newer release.
    package var dialect: String
    /// Without a trailing slash, such as `https://api.openai.com/v1`.
    package var baseURL: String
    /// Networks outside the public internet to which connections are allowed, such as `127.0.0.0/8`.
    package var allowedNetworks: [String]
    /// The `api-version` of its URLs, if it has one (Azure). Absent in older snapshots.
    package var apiVersion: String?

    package init(
        id: String, dialect: String, baseURL: String, allowedNetworks: [String], apiVersion: String? = nil
    ) {
        self.id = id
        self.dialect = dialect
        self.baseURL = baseURL
        self.allowedNetworks = allowedNetworks
        self.apiVersion = apiVersion
    }
}

package struct CredentialEntry: Codable, Sendable, Hashable {
    package var id: String
    /// Text sealed by `Sealer`: AES-256-GCM under the seal key, bound to this id.
    package var sealed: String

    package init(id: String, sealed: String) {
        self.id = id
        self.sealed = sealed
    }

    /// What a credential with this id is sealed for, in the database and in snapshots: sealed text opens for no other.
    package static func sealContext(_ id: String) -> String { "credential|" + id }
    package var sealContext: String { Self.sealContext(id) }
}

package struct ModelEntry: Codable, Sendable, Hashable {
    /// The name clients use.
    package var name: String
    /// The vendor, for hints in error messages.
    package var vendor: String
    /// `chat`, `embedding` or `image`.
    package var kind: String
    /// Seconds since 1970 UTC.
    package var created: Int64
    package var contextWindow: Int64?
    /// The most tokens of one response; part of the worst case that a hold covers.
    package var maxOutputTokens: Int64
    package var vision: Bool
    package var tools: Bool
    /// Whether the provider wants `max_completion_tokens` instead of `max_tokens`.
    package var wantsMaxCompletionTokens: Bool
    /// How long a stream may take from the start of the attempt, connecting included, to its first chunk, in
    /// milliseconds; then the attempt is given up. Responses that are not streamed are not bounded by it.
    package var firstEventMs: Int64
    /// How long a stream may be silent between events, in milliseconds.
    package var idleMs: Int64
    /// Oldest first. If empty, the model has no price and is refused.
    package var prices: [Price]
    /// How long responses of this model are cached, in seconds: 0 for never, `nil` for the default.
    package var cacheSeconds: Int64?
    /// The most output tokens per second, thinking included. Bounds how much was produced unseen.
    package var tokensPerSecondMax: Int64?
    /// The most input tokens of one image, document, recording or video, whatever its content (`MediaKind`).
    package var imageTokensMax: Int64?
    package var documentTokensMax: Int64?
    package var audioTokensMax: Int64?
    package var videoTokensMax: Int64?

    /// `tokensPerSecondMax` of a model that declares none; the column in PostgreSQL has the same default. It must not
    /// be too low: output that the gateway does not see is bounded by it (decision 19).
    package static let tokensPerSecondDefault: Int64 = 1_000

    package init(
        name: String, vendor: String, kind: String, created: Int64, contextWindow: Int64?, maxOutputTokens: Int64,
        vision: Bool, tools: Bool, wantsMaxCompletionTokens: Bool, firstEventMs: Int64, idleMs: Int64, prices: [Price],
        cacheSeconds: Int64? = nil, tokensPerSecondMax: Int64? = nil, imageTokensMax: Int64? = nil,
        documentTokensMax: Int64? = nil, audioTokensMax: Int64? = nil, videoTokensMax: Int64? = nil
    ) {
        self.name = name
        self.vendor = vendor
        self.kind = kind
        self.created = created
        self.contextWindow = contextWindow
        self.maxOutputTokens = maxOutputTokens
        self.vision = vision
        self.tools = tools
        self.wantsMaxCompletionTokens = wantsMaxCompletionTokens
        self.firstEventMs = firstEventMs
        self.idleMs = idleMs
        self.prices = prices
        self.cacheSeconds = cacheSeconds
        self.tokensPerSecondMax = tokensPerSecondMax
        self.imageTokensMax = imageTokensMax
        self.documentTokensMax = documentTokensMax
        self.audioTokensMax = audioTokensMax
        self.videoTokensMax = videoTokensMax
    }

    /// The price in force at an instant; `nil` when there is none.
    package func price(atMs now: Int64) -> Price? { prices.last { $0.effectiveFromMs <= now } }
}

/// One way to reach a model: provider, endpoint, credential, and upstream name.
package struct DeploymentEntry: Codable, Sendable, Hashable {
    package var id: String
    package var model: String
    package var provider: String
    package var credential: String?
    package var upstreamModel: String
    /// Lower values are tried first.
    package var order: Int
    /// The weight among deployments of the same order.
    package var weight: Int
    /// Absent in older snapshots, which means `runsOn`.
    package var afterClose: AfterClose?

    package init(
        id: String, model: String, provider: String, credential: String?, upstreamModel: String, order: Int,
        weight: Int, afterClose: AfterClose? = nil
    ) {
        self.id = id
        self.model = model
        self.provider = provider
        self.credential = credential
        self.upstreamModel = upstreamModel
        self.order = order
        self.weight = weight
        self.afterClose = afterClose
    }
}

package struct AliasEntry: Codable, Sendable, Hashable {
    package struct Candidate: Codable, Sendable, Hashable {
        package var model: String
        package var order: Int
        package var weight: Int

        package init(model: String, order: Int, weight: Int) {
            self.model = model
            self.order = order
            self.weight = weight
        }
    }

    package var name: String
    /// Whether only models that accept images may serve it.
    package var needsVision: Bool
    package var candidates: [Candidate]
    /// Whether only models that can call tools may serve it; absent in older snapshots, which means no.
    package var needsTools: Bool?
    /// The smallest context window a model may have, in tokens.
    package var contextWindowMin: Int64?
    /// The highest price a model may have, in nano-USD per million tokens, for input and for output.
    package var priceMax: Int64?
    /// Decides among candidates of the same order; `nil` to use their weights.
    package var objective: Objective?
    /// How long responses of this alias are cached, in seconds: 0 for never, `nil` for the default.
    package var cacheSeconds: Int64?

    package init(
        name: String, needsVision: Bool, candidates: [Candidate], needsTools: Bool? = nil,
        contextWindowMin: Int64? = nil, priceMax: Int64? = nil, objective: Objective? = nil, cacheSeconds: Int64? = nil
    ) {
        self.name = name
        self.needsVision = needsVision
        self.candidates = candidates
        self.needsTools = needsTools
        self.contextWindowMin = contextWindowMin
        self.priceMax = priceMax
        self.objective = objective
        self.cacheSeconds = cacheSeconds
    }
}
