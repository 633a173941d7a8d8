package import Routing

/// A hypothetical request whose route is to be explained.
package struct RouteQuestion: Sendable {
    package var model: String
    /// The key whose allow-list applies; `nil` for none.
    package var keyID: String?
    package var facts: RouteFacts

    package init(model: String, keyID: String?, facts: RouteFacts) {
        self.model = model
        self.keyID = keyID
        self.facts = facts
    }
}

/// Explains a route from the workers' current configuration and measurements.
///
/// - Parameter allowed: the names that may be called; `nil` for all.
/// - Throws: `AdminError.notFound` for an unknown name, `.stateUnavailable` when Redis cannot be read.
package typealias RouteExplainer = @Sendable (RouteQuestion, _ allowed: [String]?) async throws -> RouteExplanation
