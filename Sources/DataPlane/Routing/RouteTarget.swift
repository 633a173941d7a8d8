package import GatewayModel
package import PlaneContract

/// One deployment, ready to be called.
package final class RouteTarget: Sendable {
    package let deployment: DeploymentEntry
    package let model: ModelEntry
    package let provider: ProviderEntry
    package let credential: Secret?
    /// The model's name there, as a JSON string.
    package let quotedModel: [UInt8]

    package init(deployment: DeploymentEntry, model: ModelEntry, provider: ProviderEntry, credential: Secret?) {
        self.deployment = deployment
        self.model = model
        self.provider = provider
        self.credential = credential
        quotedModel = Array(JSONText.quoted(deployment.upstreamModel).utf8)
    }
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
    package var hasImages: Bool
    package var hasTools: Bool

    package init(hasImages: Bool, hasTools: Bool) {
        self.hasImages = hasImages
        self.hasTools = hasTools
    }
}
