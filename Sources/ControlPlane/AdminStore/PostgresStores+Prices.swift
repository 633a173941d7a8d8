package import AdminCore
internal import Foundation
internal import Postgres

extension PostgresStores {
    /// At most `limit` prices with an id above `after`, by id: all, or those in force at an instant.
    package func prices(model: String?, at: String?, after: Int64, limit: Int) async throws -> [PriceEntry] {
        try await read(
            """
            \(Self.selectionOfPrices) where ($1::text is null or p.model = $1) and p.id > $2::bigint
                and ($3::timestamptz is null or p.id = (
                    select id from price q where q.model = p.model and q.effective_from <= $3
                    order by q.effective_from desc limit 1))
            order by p.id limit $4::integer
            """, [model, String(after), at, String(limit)]
        ).map(Self.price)
    }

    /// - Returns: `nil` when it does not exist.
    package func price(_ id: Int64) async throws -> PriceEntry? {
        try await read("\(Self.selectionOfPrices) where p.id = $1::bigint", [String(id)]).first.map(Self.price)
    }

    /// Inserts a price with its tiers and prices per image.
    package func addPrice(_ draft: PriceDraft, actor: String) async throws -> PriceEntry {
        let sheet = try Self.sheet(of: draft)
        let request = RefusedRow.Body(columns: []) { _, column in
            PriceEntry.kinds.contains(column) ? "usd_per_million_tokens." + column : column
        }
        return try await change(actor: actor, request: request) { connection in
            let id = try connection.query(
                "select insert_price($1, coalesce($2::timestamptz, now()), $3::jsonb)::text as id",
                [draft.model, draft.effectiveFrom, sheet])[0].text("id")
            return try Self.price(try connection.query("\(Self.selectionOfPrices) where p.id = $1::bigint", [id])[0])
        }
    }

    static let selectionOfPrices = """
        select p.id, p.model, to_jsonb(p.effective_from) #>> '{}' as effective_from, price_sheet(p)::text as sheet,
            case when p.effective_from > now() then 'later'
                when exists (select from price q where q.model = p.model and q.effective_from > p.effective_from
                    and q.effective_from <= now()) then 'past' else 'in force' end as state
        from price p
        """

    static func price(_ row: PostgresRow) throws -> PriceEntry {
        PriceEntry(
            id: row.integer("id"), model: row.text("model"), effectiveFrom: row.text("effective_from"),
            state: row.text("state"),
            sheet: try JSONDecoder().decode([String: CatalogueValue].self, from: Data(row.text("sheet").utf8)))
    }

    /// The price as the database's function `insert_price` takes it.
    private static func sheet(of draft: PriceDraft) throws -> String? {
        let tiers = draft.tiers.map { tier in
            CatalogueFile.TierSection(
                above_input_tokens: tier.aboveInputTokens, input: tier.usd["input"] ?? "",
                image_input: tier.usd["image_input"], cache_read: tier.usd["cache_read"],
                cache_write: tier.usd["cache_write"], cache_write_hour: tier.usd["cache_write_hour"],
                output: tier.usd["output"] ?? "", reasoning: tier.usd["reasoning"])
        }
        let tokens = draft.tokens.map { usd in
            CatalogueFile.TokenPriceSection(
                input: usd["input"] ?? "", image_input: usd["image_input"], cache_read: usd["cache_read"],
                cache_write: usd["cache_write"], cache_write_hour: usd["cache_write_hour"],
                output: usd["output"] ?? "", reasoning: usd["reasoning"], tiers: tiers)
        }
        let images = draft.images?.map {
            CatalogueFile.ImagePriceSection(quality: $0.quality, size: $0.size, usd: $0.usd)
        }
        do throws(PriceSheet.AmountError) {
            guard let sheet = try PriceSheet(tokens, images: images) else { return nil }
            return try? sheet.json()
        } catch {
            throw AdminError.invalid("'\(error.text)' is not an amount in USD.", param: nil)
        }
    }
}
