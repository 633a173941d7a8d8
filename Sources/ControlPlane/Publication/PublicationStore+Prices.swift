internal import GatewayModel
internal import Postgres

extension PublicationStore {
    /// All prices of each model, past, current and future, oldest first.
    static func readPrices(_ connection: PostgresConnection) throws -> [String: [Price]] {
        let tiers = try Dictionary(
            grouping: connection.query("select * from price_tier order by price_id, above_input_tokens")
        ) { $0.integer("price_id") }
        let images = try Dictionary(grouping: connection.query("select * from price_image order by price_id, place")) {
            $0.integer("price_id")
        }
        let rows = try connection.query(
            "select *, (extract(epoch from effective_from) * 1000)::bigint as from_ms from price order by effective_from"
        )
        return Dictionary(grouping: rows) { $0.text("model") }.mapValues { rows in
            rows.map { row in
                let id = row.integer("id")
                return Price(
                    id: id, effectiveFromMs: row.integer("from_ms"), tokens: tokens(row),
                    tiers: (tiers[id] ?? []).map {
                        PriceTier(aboveInputTokens: $0.integer("above_input_tokens"), tokens: tokens($0))
                    },
                    images: (images[id] ?? []).map {
                        ImagePrice(quality: $0["quality"], size: $0["size"], nano: $0.integer("nano_usd"))
                    })
            }
        }
    }

    private static func tokens(_ row: PostgresRow) -> TokenPrices {
        TokenPrices(
            input: row.integer("input"), imageInput: row.optionalInteger("image_input"),
            cacheRead: row.integer("cache_read"), cacheWrite: row.integer("cache_write"),
            cacheWriteHour: row.optionalInteger("cache_write_hour"), output: row.integer("output"),
            reasoning: row.integer("reasoning"))
    }
}
