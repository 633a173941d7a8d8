/// Storage of the catalogue and the plans, whose rules it has: it refuses what psql refuses, in the same words.
package protocol CatalogueStores: Sendable {
    /// At most `limit` entries with an id above `after`, by id, that fit the filter.
    func entries(
        of resource: CatalogueResource, _ filter: CatalogueFilter, after: String?, limit: Int
    ) async throws -> [CatalogueEntry]
    /// - Returns: `nil` when it does not exist.
    func entry(of resource: CatalogueResource, _ id: String) async throws -> CatalogueEntry?
    /// - Throws: `AdminError.conflict` when it exists, `.invalidMembers` for what breaks a rule.
    func createEntry(
        of resource: CatalogueResource, _ columns: [String: CatalogueValue], actor: String
    ) async throws -> CatalogueEntry
    /// Changes the columns that are named.
    ///
    /// - Parameter versions: those that the entry may have; `nil` for any.
    /// - Returns: `nil` when it does not exist.
    /// - Throws: `AdminError.versionMismatch`, or `.invalidMembers` for what breaks a rule.
    func editEntry(
        of resource: CatalogueResource, _ id: String, _ columns: [String: CatalogueValue], versions: Set<Int64>?,
        actor: String
    ) async throws -> CatalogueEntry?

    /// At most `limit` prices with an id above `after`, by id.
    ///
    /// - Parameters:
    ///   - model: `nil` for all.
    ///   - at: an instant, for the prices in force then; `nil` for all.
    func prices(model: String?, at: String?, after: Int64, limit: Int) async throws -> [PriceEntry]
    /// - Returns: `nil` when it does not exist.
    func price(_ id: Int64) async throws -> PriceEntry?
    func addPrice(_ draft: PriceDraft, actor: String) async throws -> PriceEntry

    /// The catalogue as a file, without secrets.
    func exportCatalogue() async throws -> String
    /// Loads a catalogue file, all of it or nothing; with `isDryRun` nothing in any case.
    ///
    /// - Returns: at most `changesMax` rows that it changed, or would change.
    func loadCatalogue(
        _ text: String, isDryRun: Bool, changesMax: Int, actor: String
    ) async throws -> [CatalogueChange]
}

/// Which entries a list has.
package struct CatalogueFilter: Sendable, Equatable {
    /// Values that columns must have.
    package var columns: [String: CatalogueValue]
    /// A part of the id, in any case.
    package var text: String?

    package init(columns: [String: CatalogueValue] = [:], text: String? = nil) {
        self.columns = columns
        self.text = text
    }
}

/// A price of a model from an instant on.
package struct PriceEntry: Sendable, Equatable {
    /// Kinds of tokens that have a price.
    package static let kinds = [
        "input", "image_input", "cache_read", "cache_write", "cache_write_hour", "output", "reasoning",
    ]

    package var id: Int64
    package var model: String
    package var effectiveFrom: String
    /// `past`, `in force` or `later`, now.
    package var state: String
    /// As the database's function `price_sheet` has it, in nano-USD.
    package var sheet: [String: CatalogueValue]

    package init(id: Int64, model: String, effectiveFrom: String, state: String, sheet: [String: CatalogueValue]) {
        self.id = id
        self.model = model
        self.effectiveFrom = effectiveFrom
        self.state = state
        self.sheet = sheet
    }
}

/// A price to be added. Amounts are decimal USD.
package struct PriceDraft: Sendable, Equatable {
    package struct Tier: Sendable, Equatable {
        package var aboveInputTokens: Int64
        package var usd: [String: String]

        package init(aboveInputTokens: Int64, usd: [String: String]) {
            self.aboveInputTokens = aboveInputTokens
            self.usd = usd
        }
    }

    package struct Image: Sendable, Equatable {
        package var quality: String?
        package var size: String?
        package var usd: String

        package init(quality: String?, size: String?, usd: String) {
            self.quality = quality
            self.size = size
            self.usd = usd
        }
    }

    package var model: String
    /// RFC 3339; `nil` for now.
    package var effectiveFrom: String?
    /// By kind of token, per million; at least `input` and `output`. `nil` for a model that has prices per image only.
    package var tokens: [String: String]?
    package var tiers: [Tier]
    package var images: [Image]?

    package init(
        model: String, effectiveFrom: String?, tokens: [String: String]?, tiers: [Tier], images: [Image]?
    ) {
        self.model = model
        self.effectiveFrom = effectiveFrom
        self.tokens = tokens
        self.tiers = tiers
        self.images = images
    }
}
