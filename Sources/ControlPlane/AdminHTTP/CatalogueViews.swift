internal import AdminCore
internal import GatewayModel

/// Entries of the catalogue, plans and prices as the API returns them. Members are always present; null means "none".
enum CatalogueViews {
    static func entry(
        _ entry: CatalogueEntry, of resource: CatalogueResource, pending: PendingPropagation? = nil
    ) -> JSONOutput {
        var members = resource.members.compactMap { member in shown(member, entry.columns) }
        members.insert(("object", .text(resource.rawValue)), at: 1)
        members.append(("version", .integer(entry.version)))
        if let pending { members.append(("pending", AdminViews.pending(pending))) }
        return .object(members)
    }

    /// - Returns: `nil` for a secret.
    private static func shown(
        _ member: CatalogueMember, _ columns: [String: CatalogueValue]
    ) -> (String, JSONOutput)? {
        switch member.type {
        case .secret: nil
        case .usd: (member.name, usd(columns[member.column]))
        case .object(let parts): (member.name, .object(parts.compactMap { shown($0, columns) }))
        case .text, .integer, .number, .flag, .texts, .candidates:
            (member.name, columns[member.column]?.output ?? .null)
        }
    }

    private static func usd(_ value: CatalogueValue?) -> JSONOutput {
        (value?.integer).map { .text(NanoUSD($0).decimalUSD) } ?? .null
    }

    static func price(_ price: PriceEntry, pending: PendingPropagation? = nil) -> JSONOutput {
        var tokens = amounts(price.sheet)
        tokens.append(
            (
                "tiers",
                .list(
                    rows(price.sheet["tiers"]).map { tier in
                        .object(
                            [("above_input_tokens", tier["above_input_tokens"]?.output ?? .null)] + amounts(tier))
                    })
            ))
        var members: [(String, JSONOutput)] = [
            ("id", .text(String(price.id))), ("object", .text("price")), ("model", .text(price.model)),
            ("effective_from", .text(price.effectiveFrom)), ("state", .text(price.state)),
            ("usd_per_million_tokens", .object(tokens)),
            (
                "usd_per_image",
                .list(
                    rows(price.sheet["images"]).map { image in
                        .object([
                            ("quality", image["quality"]?.output ?? .null), ("size", image["size"]?.output ?? .null),
                            ("usd", usd(image["nano_usd"])),
                        ])
                    })
            ),
        ]
        if let pending { members.append(("pending", AdminViews.pending(pending))) }
        return .object(members)
    }

    private static func amounts(_ sheet: [String: CatalogueValue]) -> [(String, JSONOutput)] {
        PriceEntry.kinds.map { ($0, usd(sheet[$0])) }
    }

    private static func rows(_ value: CatalogueValue?) -> [[String: CatalogueValue]] {
        guard case .list(let items)? = value else { return [] }
        return items.compactMap { item in
            guard case .object(let row) = item else { return nil }
            return row
        }
    }
}

extension CatalogueValue {
    var output: JSONOutput {
        switch self {
        case .null: .null
        case .flag(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .number(let value): .number(value)
        case .text(let value): .text(value)
        case .list(let items): .list(items.map(\.output))
        case .object(let members): .object(members.sorted { $0.key < $1.key }.map { ($0, $1.output) })
        }
    }
}

extension AdminViews {
    /// The first error's member as `param`, and all of them in `errors`.
    static func memberErrors(_ errors: [MemberError]) -> [(String, JSONOutput)] {
        let param = errors.first?.param.map { [("param", JSONOutput.text($0))] } ?? []
        let all = errors.map { error in
            JSONOutput.object([
                ("param", error.param.map { .text($0) } ?? .null), ("message", .text(error.message)),
            ])
        }
        return param + [("errors", .list(all))]
    }
}
