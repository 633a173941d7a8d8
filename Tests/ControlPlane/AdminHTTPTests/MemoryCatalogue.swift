import AdminCore
import Synchronization

/// The catalogue in memory, for what the routes and `AdminService` decide. Rules of values are PostgreSQL's: the
/// end-to-end tests have them.
final class MemoryCatalogue: Sendable {
    struct State {
        var entries: [CatalogueResource: [String: CatalogueEntry]] = [:]
        var prices: [PriceEntry] = []
        /// The next creation is refused with this.
        var refusal: AdminError?
        /// Who made the changes so far.
        var actors: [String] = []
        /// Files that were loaded, and whether each was a dry run.
        var loaded: [(text: String, isDryRun: Bool)] = []
    }

    let state = Mutex(State())
}

extension MemoryStores {
    func entries(
        of resource: CatalogueResource, _ filter: CatalogueFilter, after: String?, limit: Int
    ) async throws -> [CatalogueEntry] {
        catalogue.state.withLock { state in
            let all = (state.entries[resource] ?? [:]).values.sorted { $0.id < $1.id }
            let fitting = all.filter { entry in
                entry.id > after ?? "" && entry.id.contains(filter.text ?? entry.id)
                    && filter.columns.allSatisfy { entry.columns[$0.key] == $0.value }
            }
            return Array(fitting.prefix(limit))
        }
    }

    func entry(of resource: CatalogueResource, _ id: String) async throws -> CatalogueEntry? {
        catalogue.state.withLock { $0.entries[resource]?[id] }
    }

    func createEntry(
        of resource: CatalogueResource, _ columns: [String: CatalogueValue], actor: String
    ) async throws -> CatalogueEntry {
        try catalogue.state.withLock { state in
            if let refusal = state.refusal { throw refusal }
            let id = columns[resource.key]?.text ?? ""
            guard state.entries[resource]?[id] == nil else { throw AdminError.conflict("Already exists: \(id)") }
            let entry = CatalogueEntry(id: id, version: 1, columns: columns)
            state.entries[resource, default: [:]][id] = entry
            state.actors.append(actor)
            return entry
        }
    }

    func editEntry(
        of resource: CatalogueResource, _ id: String, _ columns: [String: CatalogueValue], versions: Set<Int64>?,
        actor: String
    ) async throws -> CatalogueEntry? {
        try catalogue.state.withLock { state in
            guard var entry = state.entries[resource]?[id] else { return nil }
            if let versions, !versions.contains(entry.version) { throw AdminError.versionMismatch("The entry '\(id)'") }
            entry.columns.merge(columns) { $1 }
            entry.version += 1
            state.entries[resource]?[id] = entry
            return entry
        }
    }

    func exportCatalogue() async throws -> String { "providers:\n" }

    func loadCatalogue(
        _ text: String, isDryRun: Bool, changesMax: Int, actor: String
    ) async throws -> [CatalogueChange] {
        catalogue.state.withLock { $0.loaded.append((text, isDryRun)) }
        let change = CatalogueChange(
            action: "insert", subject: "model", subjectID: "m", before: nil, after: .object(["name": .text("m")]))
        return Array(repeating: change, count: changesMax)
    }

    func prices(model: String?, at: String?, after: Int64, limit: Int) async throws -> [PriceEntry] {
        catalogue.state.withLock { state in
            Array(state.prices.filter { $0.id > after && $0.model == model ?? $0.model }.prefix(limit))
        }
    }

    func price(_ id: Int64) async throws -> PriceEntry? {
        catalogue.state.withLock { $0.prices.first { $0.id == id } }
    }

    func addPrice(_ draft: PriceDraft, actor: String) async throws -> PriceEntry {
        catalogue.state.withLock { state in
            let price = PriceEntry(
                id: Int64(state.prices.count + 1), model: draft.model,
                effectiveFrom: draft.effectiveFrom ?? "2026-01-01T00:00:00+00:00", state: "in force",
                sheet: ["input": .integer(1_500_000_000), "tiers": .list([]), "images": .list([])])
            state.prices.append(price)
            return price
        }
    }
}
