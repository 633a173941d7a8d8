import AdminCore

/// A ledger without requests. What the real one answers, the end-to-end tests have.
struct NoUsage: UsageStores {
    func period(of query: UsageQuery) async throws -> UsagePeriod {
        UsagePeriod(start: query.start, end: query.end ?? query.start, buckets: 1, keptSince: nil)
    }

    func usage(_ query: UsageQuery, in period: UsagePeriod) async throws -> UsageTable {
        UsageTable(columns: [.init("start", .text), .init("requests", .number)]) { [] }
    }

    func requests(
        _ filter: RequestFilter, limit: Int
    ) async throws -> (columns: [UsageTable.Column], rows: [UsageTable.Row]) { ([], []) }

    func request(
        _ id: String, onlyOrg: String?
    ) async throws -> (columns: [UsageTable.Column], rows: [UsageTable.Row]) { ([], []) }
}
