internal import AdminCore
internal import FoundationEssentials
internal import GatewayModel
internal import Hummingbird

/// `/admin/v1/usage` and `/admin/v1/costs`: sums by minute, hour and day.
struct UsageRoutes {
    /// Rows of an answer in JSON, which is a whole; other formats have no bound.
    private static let jsonRowsMax = 10_000

    let service: AdminService

    func add(to group: RouterGroup<AdminContext>) {
        group.get("usage", use: usage)
        group.get("costs", use: costs)
    }

    private static let filters = Set(UsageQuery.Dimension.allCases.map(\.rawValue))

    @Sendable private func usage(_ request: Request, _ context: AdminContext) async throws -> Response {
        try await answer(request, isCosts: false, context)
    }

    @Sendable private func costs(_ request: Request, _ context: AdminContext) async throws -> Response {
        try await answer(request, isCosts: true, context)
    }

    private func answer(_ request: Request, isCosts: Bool, _ context: AdminContext) async throws -> Response {
        let reader = try QueryReader(
            request, allowed: isCosts ? ["start", "end"] : ["start", "end", "bucket"],
            lists: Self.filters.union(["group_by"]))
        let query = try Self.query(reader, isCosts: isCosts, onlyOrg: try context.access.org)
        let format = try TableFormat(accept: request.headers[.accept])
        let (period, table) = try await service.usage(query)
        switch format {
        case .csv, .jsonLines: return try await format.response(of: table)
        case .json:
            let rows = try await Self.all(table)
            return JSONOutput.object([
                ("object", .text("list")), ("start", .text(period.start)), ("end", .text(period.end)),
                ("bucket", .text(query.bucket.rawValue)),
                ("group_by", .list(query.groupBy.map { .text($0.rawValue) })),
                ("data", .list(rows.map { table.columns.json(of: $0) })), ("has_more", .bool(false)),
            ]).response(status: 200)
        }
    }

    private static func query(_ reader: QueryReader, isCosts: Bool, onlyOrg: String?) throws -> UsageQuery {
        guard let start = try reader.time("start") else {
            throw AdminError.invalid("'start' is required.", param: "start")
        }
        let bucket = reader.text("bucket") ?? "1d"
        guard let bucket = UsageQuery.Bucket(rawValue: bucket) else {
            throw AdminError.invalid("'bucket' must be one of: 1m, 1h, 1d.", param: "bucket")
        }
        var filters: [UsageQuery.Dimension: [String]] = [:]
        for dimension in UsageQuery.Dimension.allCases where !reader.list(dimension.rawValue).isEmpty {
            filters[dimension] = reader.list(dimension.rawValue)
        }
        return UsageQuery(
            start: start, end: try reader.time("end"), bucket: bucket,
            groupBy: try reader.choices("group_by", of: UsageQuery.Dimension.self), filters: filters, onlyOrg: onlyOrg,
            isCosts: isCosts)
    }

    private static func all(_ table: UsageTable) async throws -> [UsageTable.Row] {
        var rows: [UsageTable.Row] = []
        while case let more = try await table.next(), !more.isEmpty {
            rows += more
            guard rows.count <= jsonRowsMax else {
                throw AdminError.invalid(
                    "The answer has more than \(jsonRowsMax) rows. Ask for less, or with 'Accept: text/csv' or 'application/jsonl'.",
                    param: "group_by")
            }
        }
        return rows
    }
}

/// `/admin/v1/requests`: what the ledger has of single requests.
struct RequestRoutes {
    let service: AdminService

    func add(to group: RouterGroup<AdminContext>) {
        group.get("requests", use: list)
        group.get("requests/{id}", use: read)
    }

    @Sendable private func list(_ request: Request, _ context: AdminContext) async throws -> Response {
        let reader = try QueryReader(
            request, allowed: ["after", "limit", "since", "cost[gte]"], lists: ["key", "model", "outcome"])
        let cost = reader.text("cost[gte]")
        if let cost, NanoUSD(decimalUSD: cost) == nil {
            throw AdminError.invalid("'cost[gte]' must be a decimal amount of USD such as 0.25.", param: "cost[gte]")
        }
        let limit = try reader.wholeNumber("limit", in: 1...AdminService.pageMax, default: 50)
        let filter = RequestFilter(
            keys: reader.list("key"), models: reader.list("model"), outcomes: reader.list("outcome"),
            since: try reader.time("since"), costAtLeast: cost, after: try reader.id("after"),
            onlyOrg: try context.access.org)
        let (columns, rows) = try await service.requests(filter, limit: limit + 1)
        return AdminViews.page(rows.prefix(limit).map { columns.request(of: $0) }, hasMore: rows.count > limit)
            .response(status: 200)
    }

    @Sendable private func read(_ request: Request, _ context: AdminContext) async throws -> Response {
        let id = try context.parameters.require("id")
        guard let uuid = UUID(uuidString: id) else { throw AdminError.notFound("The request '\(id)'") }
        let (columns, row) = try await service.request(uuid.uuidString.lowercased(), onlyOrg: try context.access.org)
        return columns.request(of: row).response(status: 200)
    }
}

extension [UsageTable.Column] {
    fileprivate func request(of row: UsageTable.Row) -> JSONOutput {
        guard case .object(let members) = json(of: row) else { return .null }
        return .object([("object", .text("request"))] + members)
    }
}
