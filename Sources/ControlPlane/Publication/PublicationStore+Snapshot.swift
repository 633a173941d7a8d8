internal import GatewayModel
package import PlaneContract
internal import Postgres

extension PublicationStore {
    /// Reads the whole catalogue under the next version.
    ///
    /// Serialised among control planes by an advisory lock, so that a higher version never holds an older state.
    ///
    /// - Parameter reseal: turns a credential sealed for PostgreSQL into one sealed for the snapshot. If it returns
    ///   `nil`, that credential is left out.
    package func snapshot(
        reseal: @escaping @Sendable (_ id: String, _ sealed: String) -> String?
    ) async throws -> GatewaySnapshot {
        try await pool.run { connection in
            try connection.transaction {
                try connection.query("select pg_advisory_xact_lock(7283910453)")
                let version = try connection.query("select nextval('snapshot_version') as version")[0].integer(
                    "version")
                return try Self.read(connection, version: version, reseal: reseal)
            }
        }
    }

    private static func read(
        _ connection: PostgresConnection, version: Int64, reseal: (String, String) -> String?
    ) throws -> GatewaySnapshot {
        let prices = try readPrices(connection)
        let candidates = try Dictionary(
            grouping: connection.query(
                "select * from alias_candidate order by rank, model")
        ) { $0.text("alias") }
        return GatewaySnapshot(
            version: version,
            providers: try connection.query("select * from provider where enabled order by id").map(provider),
            credentials: try connection.query("select id, sealed from credential order by id").compactMap { row in
                reseal(row.text("id"), row.text("sealed")).map { CredentialEntry(id: row.text("id"), sealed: $0) }
            },
            models: try connection.query(
                "select *, extract(epoch from created_at)::bigint as created from model where enabled order by name"
            ).map { model($0, prices: prices[$0.text("name")] ?? []) },
            deployments: try connection.query("select * from deployment where enabled order by rank, id").map(
                deployment),
            aliases: try connection.query("select * from alias where enabled order by position, name").map { row in
                alias(row, candidates: candidates[row.text("name")] ?? [])
            })
    }

    private static func alias(_ row: PostgresRow, candidates: [PostgresRow]) -> AliasEntry {
        func weight(_ column: String) -> Double { Double(row.text(column)) ?? 0 }
        let objective = Objective(
            latency: weight("latency_weight"), speed: weight("speed_weight"), cost: weight("cost_weight"),
            uptime: weight("uptime_weight"))
        return AliasEntry(
            name: row.text("name"), needsVision: row.bool("needs_vision"),
            candidates: candidates.map { candidate in
                AliasEntry.Candidate(
                    model: candidate.text("model"), order: Int(candidate.integer("rank")),
                    weight: Int(candidate.integer("weight")))
            },
            needsTools: row.bool("needs_tools"), contextWindowMin: row.optionalInteger("context_window_min"),
            priceMax: row.optionalInteger("price_max"), objective: objective.sum > 0 ? objective : nil,
            cacheSeconds: row.optionalInteger("cache_seconds"))
    }

    private static func provider(_ row: PostgresRow) -> ProviderEntry {
        ProviderEntry(
            id: row.text("id"), dialect: row.text("dialect"), baseURL: row.text("base_url"),
            allowedNetworks: row.textArray("allowed_networks") ?? [], apiVersion: row["api_version"])
    }

    private static func deployment(_ row: PostgresRow) -> DeploymentEntry {
        DeploymentEntry(
            id: row.text("id"), model: row.text("model"), provider: row.text("provider_id"),
            credential: row["credential_id"], upstreamModel: row.text("upstream_model"),
            order: Int(row.integer("rank")),
            weight: Int(row.integer("weight")), afterClose: AfterClose(rawValue: row.text("after_close")))
    }

    private static func model(_ row: PostgresRow, prices: [Price]) -> ModelEntry {
        ModelEntry(
            name: row.text("name"), vendor: row.text("vendor"), kind: row.text("kind"), created: row.integer("created"),
            contextWindow: row.optionalInteger("context_window"), maxOutputTokens: row.integer("max_output_tokens"),
            vision: row.bool("vision"), tools: row.bool("tools"),
            wantsMaxCompletionTokens: row.bool("wants_max_completion_tokens"),
            firstEventMs: row.integer("first_event_ms"),
            idleMs: row.integer("idle_ms"), prices: prices,
            cacheSeconds: row.optionalInteger("cache_seconds"),
            tokensPerSecondMax: row.integer("tokens_per_second_max"),
            imageTokensMax: row.optionalInteger("image_tokens_max"),
            documentTokensMax: row.optionalInteger("document_tokens_max"),
            audioTokensMax: row.optionalInteger("audio_tokens_max"),
            videoTokensMax: row.optionalInteger("video_tokens_max"))
    }
}
