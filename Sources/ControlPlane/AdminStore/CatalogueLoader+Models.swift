internal import PlaneContract
internal import Postgres

extension CatalogueLoader {
    func load(_ model: CatalogueFile.ModelSection) throws {
        try connection.query(
            """
            insert into model (name, vendor, kind, context_window, max_output_tokens, vision, tools,
                wants_max_completion_tokens, first_event_ms, idle_ms, cache_seconds, tokens_per_second_max,
                image_tokens_max, document_tokens_max, audio_tokens_max, video_tokens_max, enabled)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, coalesce($17::boolean, true))
            on conflict (name) do update set vendor = excluded.vendor, kind = excluded.kind,
                context_window = excluded.context_window, max_output_tokens = excluded.max_output_tokens,
                vision = excluded.vision, tools = excluded.tools,
                wants_max_completion_tokens = excluded.wants_max_completion_tokens,
                first_event_ms = excluded.first_event_ms, idle_ms = excluded.idle_ms,
                cache_seconds = coalesce(excluded.cache_seconds, model.cache_seconds),
                tokens_per_second_max = excluded.tokens_per_second_max,
                image_tokens_max = coalesce(excluded.image_tokens_max, model.image_tokens_max),
                document_tokens_max = coalesce(excluded.document_tokens_max, model.document_tokens_max),
                audio_tokens_max = coalesce(excluded.audio_tokens_max, model.audio_tokens_max),
                video_tokens_max = coalesce(excluded.video_tokens_max, model.video_tokens_max),
                enabled = coalesce($17::boolean, model.enabled)
            where (model.vendor, model.kind, model.context_window, model.max_output_tokens, model.vision, model.tools,
                model.wants_max_completion_tokens, model.first_event_ms, model.idle_ms, model.cache_seconds,
                model.tokens_per_second_max, model.image_tokens_max, model.document_tokens_max, model.audio_tokens_max,
                model.video_tokens_max, model.enabled)
                is distinct from (excluded.vendor, excluded.kind, excluded.context_window, excluded.max_output_tokens,
                excluded.vision, excluded.tools, excluded.wants_max_completion_tokens, excluded.first_event_ms, excluded.idle_ms,
                coalesce(excluded.cache_seconds, model.cache_seconds), excluded.tokens_per_second_max,
                coalesce(excluded.image_tokens_max, model.image_tokens_max),
                coalesce(excluded.document_tokens_max, model.document_tokens_max),
                coalesce(excluded.audio_tokens_max, model.audio_tokens_max),
                coalesce(excluded.video_tokens_max, model.video_tokens_max), coalesce($17::boolean, model.enabled))
            """,
            [
                model.name, model.vendor, model.kind ?? "chat", Self.text(model.context_window),
                String(model.max_output_tokens), String(model.vision ?? false), String(model.tools ?? false),
                String(model.wants_max_completion_tokens ?? false), String(model.first_event_ms ?? 60_000),
                String(model.idle_ms ?? 60_000), Self.text(model.cache_seconds),
                String(model.tokens_per_second_max ?? ModelEntry.tokensPerSecondDefault),
                Self.text(model.image_tokens_max), Self.text(model.document_tokens_max),
                Self.text(model.audio_tokens_max), Self.text(model.video_tokens_max),
                model.enabled.map { String($0) },
            ])
        try loadPrices(of: model)
    }

    private static func text(_ number: Int64?) -> String? { number.map { String($0) } }
}
