package import GatewayModel
package import PlaneContract

/// A deployment, ready to be called.
package final class RouteTarget: Sendable {
    package let deployment: DeploymentEntry
    package let model: ModelEntry
    package let provider: ProviderEntry
    package let credential: Secret?
    package let dialect: DialectName
    /// Those that its dialect can carry.
    private let operations: Set<Operation>

    /// - Parameter credential: unsealed; `nil` for a provider that needs none.
    package init(
        deployment: DeploymentEntry, model: ModelEntry, provider: ProviderEntry, credential: Secret?,
        dialect: DialectName = .openAI
    ) {
        self.deployment = deployment
        self.model = model
        self.provider = provider
        self.credential = credential
        self.dialect = dialect
        operations = dialect.operations
    }

    /// Whether the provider has an endpoint for the operation.
    func serves(_ operation: Operation) -> Bool { operations.contains(operation) }
}

/// The deployments to try for a request, in order.
package struct RoutePlan: Sendable {
    /// The most attempts per request, over all deployments.
    package static let attemptsMax = 3

    package let requested: String
    /// Never empty, at most `attemptsMax`.
    package let targets: [RouteTarget]
    /// Why the first target is first.
    package let reason: RouteReason
    /// Whether an attempt may go to a different model than the one before.
    package let crossesModels: Bool
}

/// Why a deployment was chosen.
package enum RouteReason: Sendable, Equatable {
    /// It is the only one.
    case only
    /// It is first in an explicit order.
    case rank
    /// It was drawn by weight among equals.
    case weight
    /// It has the best score, in hundredths, among `of` deployments.
    case score(hundredths: Int, of: Int)
    /// It failed a while ago, and this request tests whether it works again.
    case probe
    /// It has no recent measurements.
    case exploration
    /// Everything is out, and this one is tried anyway.
    case lastResort

    /// The text shown in `x-aihub-route`.
    package var text: String {
        switch self {
        case .only: "only"
        case .rank: "rank"
        case .weight: "weight"
        case .score(let hundredths, let count):
            "best; score=\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100); of=\(count)"
        case .probe: "probe"
        case .exploration: "exploration"
        case .lastResort: "last-resort"
        }
    }
}

/// The properties of a request that decide which deployments can take it.
package struct RouteFacts: Sendable {
    package var operation: Operation
    package var hasImages: Bool
    package var hasTools: Bool
    /// Whether the input is given as OpenAI token ids, which mean something else to any other vendor's model.
    package var hasTokenIDs: Bool
    /// An estimate; 0 when unknown.
    package var inputTokens: Int64
    /// The media in the request, each with the path of its first occurrence, such as `messages[0].content[1]`.
    package var media: [MediaKind: String] = [:]

    package init(
        operation: Operation = .chat, hasImages: Bool = false, hasTools: Bool = false, hasTokenIDs: Bool = false,
        inputTokens: Int64 = 0, media: [MediaKind: String] = [:]
    ) {
        self.operation = operation
        self.hasImages = hasImages
        self.hasTools = hasTools
        self.hasTokenIDs = hasTokenIDs
        self.inputTokens = inputTokens
        self.media = media
    }

    /// Why a model cannot take the request at all; `nil` when it can.
    func exclusion(of model: ModelEntry) -> Exclusion? {
        if model.kind != operation.modelKind { return .otherKind }
        if hasImages, !model.vision { return .noVision }
        if let kind = unbounded(on: model) { return kind == .image ? .noImageBound : .noMediaBound }
        if hasTokenIDs, model.vendor != "openai" { return .foreignTokens }
        return nil
    }
}

extension RouteFacts {
    /// The first kind of media in the request for which the model has no token bound.
    func unbounded(on model: ModelEntry) -> MediaKind? {
        if media.isEmpty { return hasImages && model.tokensMax(of: .image) == nil ? .image : nil }
        return MediaKind.allCases.first { media[$0] != nil && model.tokensMax(of: $0) == nil }
    }
}

/// Why a candidate is left out of a plan.
package enum Exclusion: String, Sendable, Equatable {
    case noDeployment = "no_engine"
    case noPrice = "no_price_in_force"
    case otherKind = "other_kind_of_model"
    case noVision = "no_vision"
    case noImageBound = "no_bound_for_images"
    case noMediaBound = "no_bound_for_files_audio_or_video"
    case noTools = "no_tools"
    case foreignTokens = "token_ids_of_another_vendor"
    case windowTooSmall = "context_window_too_small"
    case tooExpensive = "over_the_price_limit"
    case noEndpoint = "no_such_endpoint"
    /// A refused credential, an unknown model: a fault that no request can get around.
    case outOfService = "out_of_service"
}
