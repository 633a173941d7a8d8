internal import AdminCore
internal import Postgres

/// Sums of usage and requests, read from the ledger. Every statement takes all values as parameters.
struct UsageStore: UsageStores {
    let pool: PostgresPool
    let exports: ExportSlots

    /// Rows held here at once.
    private static let portion = 1_000

    func read(_ sql: String, _ values: [String?]) async throws -> [PostgresRow] {
        do {
            return try await pool.query(sql, values)
        } catch let error as PostgresError {
            throw PostgresStores.adminError(error)
        }
    }

    func period(of query: UsageQuery) async throws -> UsagePeriod {
        let row = try await read(
            """
            with asked as (
                select date_trunc($3, $1::timestamptz, 'UTC') as first, coalesce($2::timestamptz, now()) as until
            ), whole as (
                select first, date_trunc($3, until, 'UTC')
                    + case when until > date_trunc($3, until, 'UTC') then ('1 ' || $3)::interval else '0 s' end as last
                from asked
            )
            select rfc3339(first) as first, rfc3339(last) as last,
                floor(extract(epoch from last - first) / extract(epoch from ('1 ' || $3)::interval))::bigint as buckets,
                case when $3 = 'minute' and first < usage_minutes_begin() then rfc3339(usage_minutes_begin()) end as kept_since
            from whole
            """, [query.start, query.end, query.bucket.unit])[0]
        return UsagePeriod(
            start: row.text("first"), end: row.text("last"), buckets: row.integer("buckets"),
            keptSince: row["kept_since"])
    }

    func usage(_ query: UsageQuery, in period: UsagePeriod) async throws -> UsageTable {
        var values: [String?] = [period.start, period.end, query.onlyOrg]
        // The unit is the table's own; the index begins with it.
        var conditions = [
            "unit = '\(query.bucket.unit)'", "bucket >= $1::timestamptz", "bucket < $2::timestamptz",
            "($3::text is null or org_id = $3)",
        ]
        for (dimension, allowed) in query.filters.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            values.append(PostgresArray.literal(allowed))
            conditions.append("\(dimension.expression) = any($\(values.count)::text[])")
        }
        let measures = query.isCosts ? Self.costs : Self.costs + Self.usage
        let groups = query.groupBy.map { "\($0.expression) as \($0.column)" }
        let sql = """
            select rfc3339(bucket) as start, \((groups + measures.map { "\($0.sql) as \($0.name)" }).joined(separator: ", "))
            from usage_\(query.bucket.unit) where \(conditions.joined(separator: " and "))
            group by \((["bucket"] + query.groupBy.map(\.expression)).joined(separator: ", "))
            having sum(requests) > 0
            order by \((["bucket"] + query.groupBy.map(\.expression)).joined(separator: ", "))
            """
        let columns =
            [UsageTable.Column("start", .text)] + query.groupBy.map { UsageTable.Column($0.column, .text) }
            + measures.map { UsageTable.Column($0.name, $0.kind) }
        do {
            let next = try await exports.open(sql, values)
            return UsageTable(columns: columns) {
                do {
                    return try await next(Self.portion).map { row in columns.map { row[$0.name] } }
                } catch let error as PostgresError {
                    throw PostgresStores.adminError(error)
                }
            }
        } catch let error as PostgresError {
            throw PostgresStores.adminError(error)
        }
    }

    private typealias Measure = (name: String, kind: UsageTable.Kind, sql: String)

    private static let costs: [Measure] = [
        ("requests", .number, "sum(requests)"), ("usd", .text, "usd9(sum(nano_usd))"),
        ("usd_saved", .text, "usd9(sum(saved_nano_usd))"),
    ]

    private static let usage: [Measure] =
        [
            ("counted_requests", .number, "sum(counted_requests)"),
            ("cache_hits", .number, "coalesce(sum(requests) filter (where cached), 0)"),
        ]
        + [
            "input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_hour_tokens", "image_input_tokens",
            "output_tokens", "reasoning_tokens", "images", "duration_ms", "first_bytes", "first_byte_ms",
        ].map { ($0, .number, "sum(\($0))") }
}

extension UsageQuery.Bucket {
    /// As PostgreSQL and the names of the tables have it.
    fileprivate var unit: String {
        switch self {
        case .minute: "minute"
        case .hour: "hour"
        case .day: "day"
        }
    }
}

extension UsageQuery.Dimension {
    /// Its name in answers.
    fileprivate var column: String {
        switch self {
        case .org: "org_id"
        case .key: "key_id"
        default: rawValue
        }
    }

    fileprivate var expression: String {
        switch self {
        case .org: "org_id"
        case .key: "key_id"
        case .alias: "requested"
        case .model, .deployment, .outcome: rawValue
        case .status: "case status_class when 0 then 'none' else status_class || 'xx' end"
        case .cache: "case when cached then 'hit' else 'none' end"
        }
    }
}
