/// What keeps a change from being in force everywhere: while it stands, a worker may still act on what was before.
package struct PendingPropagation: Sendable, Equatable {
    /// The change is kept, but the workers could not be told yet. It is tried again by itself.
    package var publication: Bool
    /// The workers of which it is not known whether they ask the limiter about every request.
    package var workers: [String]

    package init(publication: Bool, workers: [String]) {
        self.publication = publication
        self.workers = workers
    }
}

/// Which changes a caller waits for.
package enum PropagationScope: Sendable {
    /// Those of keys, the catalogue and suspended orgs, which do not wait for bulk changes of orgs.
    case urgent
    case everything
}

/// Publishes what was changed, then says what is awaited until no worker can act on an older state; `nil`: nothing.
package typealias Propagation = @Sendable (PropagationScope) async -> PendingPropagation?
