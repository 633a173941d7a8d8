internal import AdminCore
internal import Foundation
internal import GatewayModel
internal import Postgres

/// Writes the catalogue as a file for `CatalogueLoader`: an entry a line, as JSON, which is YAML.
///
/// Past prices and secrets are not in it: neither can be loaded.
struct CatalogueExport {
    private static let head = """
        # The catalogue of a gateway, without secrets: before it is loaded into another one, its providers and their
        # credentials have to be there.

        """

    let connection: PostgresConnection

    /// The file, as of one moment.
    func text() throws -> String {
        try connection.transaction {
            try connection.query("set transaction isolation level repeatable read, read only")
            var text = Self.head
            for (section, resource) in [
                ("providers", CatalogueResource.provider), ("models", .model), ("deployments", .deployment),
                ("aliases", .alias),
            ] {
                let entries = try entries(of: resource)
                if !entries.isEmpty { text += "\(section):\n" + entries.map { "  - \($0)\n" }.joined() }
            }
            return text
        }
    }

    private func entries(of resource: CatalogueResource) throws -> [String] {
        let prices = resource == .model ? try prices() : [:]
        let order = resource == .alias ? "t.position, t.name" : "t.\(resource.key)"
        return try connection.query("\(PostgresStores.selection(resource)) order by \(order)").map { row in
            let entry = try PostgresStores.entry(row, of: resource)
            var members = Self.members(resource.members, entry.columns)
            // By default a deployment would get the credential of its provider.
            if resource == .deployment, members["credential"] == nil { members["credential"] = .text("") }
            if resource == .model { members.merge(Self.members(prices[entry.id] ?? [])) { $1 } }
            return try Self.json(members)
        }
    }

    private static func members(
        _ members: [CatalogueMember], _ columns: [String: CatalogueValue]
    ) -> [String: CatalogueValue] {
        var shown: [String: CatalogueValue] = [:]
        for member in members where !member.isReadOnly {
            switch member.type {
            case .object(let parts): shown[member.name] = .object(Self.members(parts, columns))
            case .usd: shown[member.name] = usd(columns[member.column])
            case .secret: break
            default: shown[member.name] = columns[member.column] == .null ? nil : columns[member.column]
            }
        }
        return shown
    }

    // MARK: Prices

    /// The price in force and later ones of each model, oldest first.
    private func prices() throws -> [String: [PriceEntry]] {
        let all = try connection.query("\(PostgresStores.selectionOfPrices) order by p.effective_from")
            .map(PostgresStores.price)
        return Dictionary(grouping: all.filter { $0.state != "past" }, by: \.model)
    }

    private static func members(_ prices: [PriceEntry]) -> [String: CatalogueValue] {
        var members = prices.first { $0.state == "in force" }.map { sheet($0) } ?? [:]
        members["price_changes"] = .list(
            prices.filter { $0.state == "later" }.map { price in
                // PostgreSQL writes UTC as an offset.
                let from = price.effectiveFrom.replacing("+00:00", with: "Z")
                return .object(sheet(price).merging(["effective_from": .text(from)]) { $1 })
            })
        return members
    }

    private static func sheet(_ price: PriceEntry) -> [String: CatalogueValue] {
        var tokens = amounts(price.sheet)
        let tiers = rows(price.sheet["tiers"]).map { tier in
            CatalogueValue.object(
                amounts(tier).merging(["above_input_tokens": tier["above_input_tokens"] ?? .null]) { $1 })
        }
        if !tiers.isEmpty { tokens["tiers"] = .list(tiers) }
        let images = rows(price.sheet["images"]).map { image in
            var row = image.filter { $0.key != "nano_usd" && $0.value != .null }
            row["usd"] = usd(image["nano_usd"])
            return CatalogueValue.object(row)
        }
        let part: [String: CatalogueValue] = images.isEmpty ? [:] : ["usd_per_image": .list(images)]
        return part.merging(["usd_per_million_tokens": .object(tokens)]) { $1 }
    }

    private static func amounts(_ sheet: [String: CatalogueValue]) -> [String: CatalogueValue] {
        Dictionary(uniqueKeysWithValues: PriceEntry.kinds.compactMap { kind in usd(sheet[kind]).map { (kind, $0) } })
    }

    private static func rows(_ value: CatalogueValue?) -> [[String: CatalogueValue]] {
        guard case .list(let items)? = value else { return [] }
        return items.compactMap { item in
            guard case .object(let row) = item else { return nil }
            return row
        }
    }

    private static func usd(_ value: CatalogueValue?) -> CatalogueValue? {
        (value?.integer).map { .text(NanoUSD($0).decimalUSD) }
    }

    private static func json(_ members: [String: CatalogueValue]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Escaped, since the loader takes a word that begins so for an alias. In JSON both stand in strings only.
        return String(decoding: try encoder.encode(members), as: UTF8.self)
            .replacing("&", with: "\\u0026").replacing("*", with: "\\u002a")
    }
}
