/// A row that loading a catalogue file has changed, or would change.
package struct CatalogueChange: Sendable, Equatable {
    /// `insert`, `update` or `delete`.
    package var action: String
    /// The table, such as `model` or `price_tier`.
    package var subject: String
    package var subjectID: String
    /// The row, without secrets; `nil` when there was none.
    package var before: CatalogueValue?
    package var after: CatalogueValue?

    package init(
        action: String, subject: String, subjectID: String, before: CatalogueValue?, after: CatalogueValue?
    ) {
        self.action = action
        self.subject = subject
        self.subjectID = subjectID
        self.before = before
        self.after = after
    }
}

extension AdminService {
    /// The largest catalogue file, 1 MiB.
    package static let catalogueBytesMax = 1 << 20
    /// Changes of a load that are shown.
    package static let changesMax = 1_000

    /// The catalogue as a file that `loadCatalogue` takes back to the same state. Secrets are not in it.
    package func exportCatalogue() async throws -> String { try await stores.exportCatalogue() }

    /// Loads a catalogue file, all of it or nothing, and publishes it.
    ///
    /// - Parameter isDryRun: every rule is checked and nothing changed.
    /// - Returns: at most `changesMax` + 1 changes, in order, and what keeps them from being in force everywhere.
    /// - Throws: `AdminError.invalid` when the file, or the database, is against it.
    package func loadCatalogue(
        _ text: String, isDryRun: Bool, actor: String
    ) async throws -> (changes: [CatalogueChange], pending: PendingPropagation?) {
        let changes = try await stores.loadCatalogue(
            text, isDryRun: isDryRun, changesMax: Self.changesMax + 1, actor: actor)
        return (changes, isDryRun ? nil : await propagation(.urgent))
    }
}
