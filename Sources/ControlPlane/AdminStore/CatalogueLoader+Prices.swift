internal import Postgres

/// The price history: past prices stay, new ones apply from now or from the instant they name.
extension CatalogueLoader {
    private struct Change {
        var from: String
        var sheet: String
    }

    func loadPrices(of model: CatalogueFile.ModelSection) throws {
        var current = try sheet(model.usd_per_million_tokens, model.usd_per_image, of: model.name)
        var later: [Change] = []
        let changes = try (model.price_changes ?? []).map { section in
            Change(
                from: try instant(section.effective_from, of: model.name),
                sheet: try sheet(section.usd_per_million_tokens, section.usd_per_image, of: model.name)
                    ?? noPrice(
                        at: section.effective_from, of: model.name))
        }.sorted { $0.from < $1.from }
        for change in changes {
            if try isPast(change.from) { current = change.sheet } else { later.append(change) }
        }
        if let current { try loadCurrent(current, of: model.name) }
        if model.price_changes != nil { try load(later, of: model.name) }
    }

    /// Inserts a new price from now on if it differs from the one in force; past charges keep theirs.
    private func loadCurrent(_ sheet: String, of model: String) throws {
        try connection.query(
            """
            select insert_price($1, now(), $2::jsonb) where $2::jsonb is distinct from (
                select price_sheet(price) from price where model = $1 and effective_from <= now()
                order by effective_from desc limit 1)
            """, [model, sheet])
    }

    /// Makes the future prices match the file.
    private func load(_ changes: [Change], of model: String) throws {
        try connection.query(
            "delete from price where model = $1 and effective_from > now() and effective_from <> all($2::timestamptz[])",
            [model, PostgresArray.literal(changes.map(\.from))])
        for change in changes {
            try connection.query(
                """
                delete from price where model = $1 and effective_from = $2::timestamptz
                    and price_sheet(price) is distinct from $3::jsonb
                """, [model, change.from, change.sheet])
            try connection.query(
                """
                select insert_price($1, $2::timestamptz, $3::jsonb)
                where not exists (select from price where model = $1 and effective_from = $2::timestamptz)
                """, [model, change.from, change.sheet])
        }
    }

    private func sheet(
        _ tokens: CatalogueFile.TokenPriceSection?, _ images: [CatalogueFile.ImagePriceSection]?, of model: String
    ) throws -> String? {
        let sheet: PriceSheet?
        do throws(PriceSheet.AmountError) {
            sheet = try PriceSheet(tokens, images: images)
        } catch {
            throw LoadError.badPrice(model: model, text: error.text)
        }
        return try sheet?.json()
    }

    private func noPrice(at instant: String, of model: String) throws -> String {
        throw LoadError.emptyChange(model: model, text: instant)
    }

    /// The instant in a single format whose text order is the time order.
    private func instant(_ text: String, of model: String) throws -> String {
        let shape = String(text.map { $0.isASCII && $0.isNumber ? "0" : $0 })
        switch shape {
        case "0000-00-00": return text + "T00:00:00.000000Z"
        case "0000-00-00T00:00:00Z": return text.dropLast() + ".000000Z"
        default:
            let start = "0000-00-00T00:00:00."
            let digits = shape.dropFirst(start.count).dropLast()
            if shape.hasPrefix(start), shape.hasSuffix("Z"), (1...6).contains(digits.count),
                digits.allSatisfy({ $0 == "0" })
            {
                return text.dropLast() + String(repeating: "0", count: 6 - digits.count) + "Z"
            }
            throw LoadError.badInstant(model: model, text: text)
        }
    }

    private func isPast(_ instant: String) throws -> Bool {
        try connection.query("select $1::timestamptz <= now() as past", [instant])[0].bool("past")
    }
}
