internal import AdminCore
internal import Postgres

extension UsageStore {
    func requests(
        _ filter: RequestFilter, limit: Int
    ) async throws -> (columns: [UsageTable.Column], rows: [UsageTable.Row]) {
        func list(_ allowed: [String]) -> String? { allowed.isEmpty ? nil : PostgresArray.literal(allowed) }
        return try await found(
            """
            where ($1::text is null or org_id = $1) and ($2::text[] is null or key_id = any($2))
                and ($3::text[] is null or model = any($3)) and ($4::text[] is null or outcome = any($4))
                and charged_at >= coalesce($5::timestamptz, now() - make_interval(days => $6::integer))
                -- The day in an id may be a day off that of the charge: clocks differ, and some requests pass midnight.
                and day >= (coalesce($5::timestamptz, now() - make_interval(days => $6::integer)) at time zone 'utc')::date
                    - 1
                and ($7::numeric is null or nano_usd >= $7::numeric * 1000000000)
                and ($8::uuid is null or (day <= uuid_day($8) and (day, id) < (uuid_day($8), $8)))
            order by day desc, id desc limit $9::integer
            """,
            [
                filter.onlyOrg, list(filter.keys), list(filter.models), list(filter.outcomes), filter.since,
                String(RequestFilter.defaultDays), filter.costAtLeast, filter.after, String(limit),
            ])
    }

    func request(_ id: String, onlyOrg: String?) async throws -> (columns: [UsageTable.Column], rows: [UsageTable.Row])
    {
        try await found(
            "where day = uuid_day($1::uuid) and id = $1::uuid and ($2::text is null or org_id = $2)", [id, onlyOrg])
    }

    private func found(
        _ rest: String, _ values: [String?]
    ) async throws -> (columns: [UsageTable.Column], rows: [UsageTable.Row]) {
        let list = Self.fields.map { "\($0.sql) as \"\($0.name)\"" }.joined(separator: ", ")
        let rows = try await read("select \(list) from usage_request \(rest)", values)
        return (
            Self.fields.map { UsageTable.Column($0.name, $0.kind) },
            rows.map { row in Self.fields.map { row[$0.name] } }
        )
    }

    private typealias Field = (name: String, kind: UsageTable.Kind, sql: String)

    /// What is shown of a request.
    private static let fields: [Field] =
        [
            ("id", .text, "id"), ("charged_at", .text, "rfc3339(charged_at)"), ("alias", .text, "requested"),
            ("usd", .text, "usd9(nano_usd)"), ("usd_saved", .text, "usd9(saved_nano_usd)"),
            ("usd_held", .text, "usd9(held_nano_usd)"),
        ]
        + ["org_id", "key_id", "model", "deployment", "outcome", "usage_source", "worker", "pool"].map {
            ($0, .text, $0)
        }
        + ["reaped", "cached", "counted", "streamed"].map { ($0, .flag, "\($0)::text") }
        + [
            "status", "attempts", "input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_hour_tokens",
            "image_input_tokens", "output_tokens", "reasoning_tokens", "images", "first_byte_ms", "duration_ms",
            "price_id", "config_version",
        ].map { ($0, .number, $0) }
}
