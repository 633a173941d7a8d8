package import GatewayModel
package import PlaneContract
package import Translation

/// One deployment, ready to be called.
package final class RouteTarget: Sendable {
    package let deployment: DeploymentEntry
    package let model: ModelEntry
    package let provider: ProviderEntry
    package let credential: Secret?
    /// Between the caller's format and this deployment's.
    package let translator: Translator

    package init(
        deployment: DeploymentEntry, model: ModelEntry, provider: ProviderEntry, credential: Secret?,
        dialect: Dialect = .openAI
    ) {
        self.deployment = deployment
        self.model = model
        self.provider = provider
        self.credential = credential
        translator = Translator(dialect: dialect, model: model, upstreamModel: deployment.upstreamModel)
    }

    /// The model's name there, as a JSON string.
    package var quotedModel: [UInt8] { translator.quotedModel }

    /// Whether its vendor has such an endpoint.
    func serves(_ operation: Operation) -> Bool { translator.dialect.operations.contains(operation) }
}

/// The deployments a request may be sent to, in the order in which they are tried.
package struct RoutePlan: Sendable {
    /// Attempts of one request, over all deployments.
    package static let attemptsMax = 3

    package let requested: String
    /// Never empty, at most `attemptsMax`.
    package let targets: [RouteTarget]
    /// Why the first of them is first.
    package let reason: RouteReason
    /// Whether another model may answer than the one that was tried.
    package let crossesModels: Bool
}

/// Why a deployment was chosen.
package enum RouteReason: Sendable, Equatable {
    /// There is no other.
    case only
    /// The first of an explicit order.
    case rank
    /// Drawn by weight among equals.
    case weight
    /// The best score among so many, in hundredths.
    case score(hundredths: Int, of: Int)
    /// It failed some time ago, and this request finds out whether it works again.
    case probe
    /// Nothing was heard of it for a while.
    case exploration
    /// Everything is out, and this is tried all the same.
    case lastResort

    /// As `x-aihub-route` shows it.
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

/// What of a request decides which engines can take it.
package struct RouteFacts: Sendable {
    package var operation: Operation
    package var hasImages: Bool
    package var hasTools: Bool
    /// Its text is given as the ids of OpenAI's tokens, which mean something else to any other vendor's model.
    package var hasTokenIDs: Bool
    /// Estimated; 0 when unknown.
    package var inputTokens: Int64
    /// What it holds beside text, each with the place of the first, such as `messages[0].content[1]`.
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
    func hindrance(_ model: ModelEntry) -> Exclusion? {
        if model.kind != operation.modelKind { return .otherKind }
        if hasImages, !model.vision { return .noVision }
        if let kind = unbounded(on: model) { return kind == .image ? .noImageBound : .noMediaBound }
        if hasTokenIDs, model.vendor != "openai" { return .foreignTokens }
        return nil
    }
}

extension RouteFacts {
    /// The first kind of media in the request for which the model has no bound.
    func unbounded(on model: ModelEntry) -> MediaKind? {
        if media.isEmpty { return hasImages && model.tokensMax(of: .image) == nil ? .image : nil }
        return MediaKind.allCases.first { media[$0] != nil && model.tokensMax(of: $0) == nil }
    }
}

/// Why a candidate is left out of a plan.
package enum Exclusion: String, Sendable, Equatable {
    case noEngine = "no_engine"
    case noPrice = "no_price_in_force"
    case otherKind = "other_kind_of_model"
    case noVision = "no_vision"
    case noImageBound = "no_bound_for_images"
    case noMediaBound = "no_bound_for_files_audio_or_video"
    case noTools = "no_tools"
    case foreignTokens = "token_ids_of_another_vendor"
    case windowTooSmall = "context_window_too_small"
    case tooDear = "over_the_price_limit"
    case noEndpoint = "no_such_endpoint"
    /// A refused credential, an unknown model: nothing a request could change.
    case outOfService = "out_of_service"
}
