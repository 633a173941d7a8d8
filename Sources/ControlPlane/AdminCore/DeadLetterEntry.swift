/// A usage event that the ledger could not accept, and its resolution.
package struct DeadLetterEntry: Sendable {
    package enum Resolution: String, Sendable {
        /// The ledger has accepted it on another try.
        case retried
        /// It will not be retried.
        case dismissed
    }

    package var id: Int64
    package var at: String
    package var shard: Int64
    /// The entry's id in the shard's stream.
    package var entryID: String
    package var kind: String
    package var event: String
    package var reason: String
    package var resolution: String?
    package var resolvedAt: String?

    package init(
        id: Int64, at: String, shard: Int64, entryID: String, kind: String, event: String, reason: String,
        resolution: String?, resolvedAt: String?
    ) {
        self.id = id
        self.at = at
        self.shard = shard
        self.entryID = entryID
        self.kind = kind
        self.event = event
        self.reason = reason
        self.resolution = resolution
        self.resolvedAt = resolvedAt
    }
}

extension AdminService {
    /// Unresolved dead letters, oldest first.
    package func deadLetters(after: Int64, limit: Int) async throws -> [DeadLetterEntry] {
        try await stores.deadLetters(after: after, limit: limit)
    }

    /// Resolves a dead letter. Idempotent.
    ///
    /// - Throws: `AdminError.notFound`, or `.conflict` when it has another resolution.
    package func resolveDeadLetter(
        _ id: String, as resolution: DeadLetterEntry.Resolution, actor: String
    ) async throws -> DeadLetterEntry {
        let unknown = AdminError.notFound("The dead letter '\(id)'")
        guard let number = Int64(id) else { throw unknown }
        _ = try await stores.resolveDeadLetter(number, as: resolution, actor: actor)
        guard let letter = try await stores.deadLetter(number) else { throw unknown }
        guard letter.resolution == resolution.rawValue else {
            throw AdminError.conflict("The dead letter '\(id)' was already \(letter.resolution ?? "resolved").")
        }
        return letter
    }
}
