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
}

/// What of a request decides which engines can take it.
package struct RouteFacts: Sendable {
    package var operation: Operation
    package var hasImages: Bool
    package var hasTools: Bool
    /// Its text is given as the ids of OpenAI's tokens, which mean something else to any other vendor's model.
    package var hasTokenIDs: Bool

    package init(
        operation: Operation = .chat, hasImages: Bool = false, hasTools: Bool = false, hasTokenIDs: Bool = false
    ) {
        self.operation = operation
        self.hasImages = hasImages
        self.hasTools = hasTools
        self.hasTokenIDs = hasTokenIDs
    }

    /// Whether a model can take the request at all.
    func suit(_ model: ModelEntry) -> Bool {
        model.kind == operation.modelKind && (!hasImages || model.vision) && (!hasTokenIDs || model.vendor == "openai")
    }
}
