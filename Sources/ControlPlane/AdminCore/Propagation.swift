/// Why a change is not in force everywhere yet: a worker may still act on the previous state.
package struct PendingPropagation: Sendable, Equatable {
    /// The change is stored but not published yet. Publishing is retried automatically.
    package var publication: Bool
    /// Workers that may be admitting requests without asking the limiter.
    package var workers: [String]

    package init(publication: Bool, workers: [String]) {
        self.publication = publication
        self.workers = workers
    }
}

/// The changes a caller waits for.
package enum PropagationScope: Sendable {
    /// Changes of keys, the catalogue and suspended orgs, which do not wait behind bulk changes of orgs.
    case urgent
    case everything
}

/// Publishes pending changes, then returns what keeps them from being in force everywhere; `nil` if nothing does.
package typealias Propagation = @Sendable (PropagationScope) async -> PendingPropagation?
