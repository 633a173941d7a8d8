/// The catalogue and the plans: what changes is published, and what the answer says of it.
extension AdminService {
    /// An entry that was created or changed, and what keeps that from being in force everywhere.
    package typealias Changed = (entry: CatalogueEntry, pending: PendingPropagation?)

    /// At most `limit` entries with an id above `after`, by id.
    package func entries(
        of resource: CatalogueResource, _ filter: CatalogueFilter, after: String?, limit: Int
    ) async throws -> [CatalogueEntry] {
        try await stores.entries(of: resource, filter, after: after, limit: limit)
    }

    /// - Throws: `AdminError.notFound`.
    package func entry(of resource: CatalogueResource, _ id: String) async throws -> CatalogueEntry {
        guard let entry = try await stores.entry(of: resource, id) else { throw Self.missing(resource, id) }
        return entry
    }

    /// Creates and publishes an entry.
    ///
    /// - Throws: `AdminError.conflict` when it exists, `.invalidMembers` for what the database refuses.
    package func createEntry(
        of resource: CatalogueResource, _ columns: [String: CatalogueValue], actor: String
    ) async throws -> Changed {
        var columns = columns
        // A provider mostly knows a model by the name it has here.
        if resource == .deployment, columns["upstream_model"] == nil { columns["upstream_model"] = columns["model"] }
        try Self.requireSendable(columns["secret"])
        let entry = try await stores.createEntry(of: resource, columns, actor: actor)
        return (entry, await propagation(.urgent))
    }

    /// Changes and publishes an entry.
    ///
    /// - Parameter versions: those that the entry may have; `nil` for any.
    /// - Throws: `AdminError.notFound`, `.versionMismatch`, or `.invalidMembers` for what the database refuses.
    package func editEntry(
        of resource: CatalogueResource, _ id: String, _ columns: [String: CatalogueValue], versions: Set<Int64>?,
        actor: String
    ) async throws -> Changed {
        try Self.requireSendable(columns["secret"])
        guard
            let entry = try await stores.editEntry(of: resource, id, columns, versions: versions, actor: actor)
        else { throw Self.missing(resource, id) }
        // A plan is part of the records of its orgs' keys.
        return (entry, await propagation(resource == .plan ? .everything : .urgent))
    }

    /// The longest credential.
    package static let secretBytesMax = 4_096

    /// A credential goes into a header field: of all rules only this one the database cannot see, for it stores it
    /// sealed.
    private static func requireSendable(_ secret: CatalogueValue?) throws {
        guard let text = secret?.text else { return }
        guard (1...secretBytesMax).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            let message = "'secret' must have 1 to \(secretBytesMax) printable ASCII characters and no spaces."
            throw AdminError.invalidMembers([MemberError(param: "secret", message: message)])
        }
    }

    private static func missing(_ resource: CatalogueResource, _ id: String) -> AdminError {
        .notFound("The \(resource.rawValue) '\(id)'")
    }

    // MARK: Prices

    /// At most `limit` prices with an id above `after`, by id: all, or those in force at an instant.
    package func prices(model: String?, at: String?, after: Int64, limit: Int) async throws -> [PriceEntry] {
        try await stores.prices(model: model, at: at, after: after, limit: limit)
    }

    /// - Throws: `AdminError.notFound`.
    package func price(_ id: String) async throws -> PriceEntry {
        guard let number = Int64(id), let price = try await stores.price(number) else {
            throw AdminError.notFound("The price '\(id)'")
        }
        return price
    }

    /// Adds a price and publishes it, also when it is in force only later.
    package func addPrice(
        _ draft: PriceDraft, actor: String
    ) async throws -> (price: PriceEntry, pending: PendingPropagation?) {
        let price = try await stores.addPrice(draft, actor: actor)
        return (price, await propagation(.urgent))
    }
}
