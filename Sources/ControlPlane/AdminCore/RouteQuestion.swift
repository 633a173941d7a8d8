package import Routing

/// A request that is not made: where would it go?
package struct RouteQuestion: Sendable {
    package var model: String
    /// Whose allow-list holds; `nil`: anybody's.
    package var keyID: String?
    package var facts: RouteFacts

    package init(model: String, keyID: String?, facts: RouteFacts) {
        self.model = model
        self.keyID = keyID
        self.facts = facts
    }
}

/// Answers by the configuration the workers run and what they measured.
///
/// - Parameter allowed: names that may be called; `nil` for all.
/// - Throws: `AdminError.notFound` for a name that is none, `.stateUnavailable` when Redis cannot be asked.
package typealias RouteExplainer = @Sendable (RouteQuestion, _ allowed: [String]?) async throws -> RouteExplanation
