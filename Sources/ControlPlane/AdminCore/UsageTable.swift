/// Rows of usage, in portions, with the columns that each has.
package struct UsageTable: Sendable {
    /// How a value is written in JSON.
    package enum Kind: Sendable {
        case text
        /// A whole number.
        case number
        case flag
    }

    package struct Column: Sendable {
        package let name: String
        package let kind: Kind

        package init(_ name: String, _ kind: Kind) {
            self.name = name
            self.kind = kind
        }
    }

    /// Texts as the database writes them, one for each column; `nil` for null.
    package typealias Row = [String?]

    package let columns: [Column]
    /// The next portion; empty at the end.
    package let next: @Sendable () async throws -> [Row]

    package init(columns: [Column], next: @escaping @Sendable () async throws -> [Row]) {
        self.columns = columns
        self.next = next
    }
}

/// What the API reads of the ledger and its sums. It never contains any text of a conversation.
package protocol UsageStores: Sendable {
    func period(of query: UsageQuery) async throws -> UsagePeriod
    /// The sums by bucket and group, in this order. The table holds a connection as long as it exists.
    func usage(_ query: UsageQuery, in period: UsagePeriod) async throws -> UsageTable
    /// At most `limit` requests, newest first.
    func requests(_ filter: RequestFilter, limit: Int) async throws -> (
        columns: [UsageTable.Column], rows: [UsageTable.Row]
    )
    /// One request, none if it does not exist in this org.
    func request(_ id: String, onlyOrg: String?) async throws -> (columns: [UsageTable.Column], rows: [UsageTable.Row])
}

extension AdminService {
    /// The sums of a query and the period they cover.
    ///
    /// - Throws: `AdminError.invalid` for a period that is empty, too long or no longer kept.
    package func usage(_ query: UsageQuery) async throws -> (period: UsagePeriod, table: UsageTable) {
        let period = try await stores.usage.period(of: query)
        let countMax = query.isCosts ? UsageQuery.costDaysMax : query.bucket.countMax
        guard period.buckets > 0 else { throw AdminError.invalid("'end' must be later than 'start'.", param: "end") }
        guard period.buckets <= countMax else {
            throw AdminError.invalid(
                "From 'start' to 'end' are \(period.buckets) buckets of \(query.bucket.rawValue), and at most \(countMax) are allowed.",
                param: "start")
        }
        if let since = period.keptSince {
            throw AdminError.invalid(
                "Usage by minute is kept since \(since). Ask for a later 'start', or for 'bucket=1h'.", param: "start")
        }
        return (period, try await stores.usage.usage(query, in: period))
    }

    /// At most `limit` requests, newest first.
    package func requests(
        _ filter: RequestFilter, limit: Int
    ) async throws -> (columns: [UsageTable.Column], rows: [UsageTable.Row]) {
        try await stores.usage.requests(filter, limit: limit)
    }

    /// - Throws: `AdminError.notFound`.
    package func request(
        _ id: String, onlyOrg: String?
    ) async throws -> (columns: [UsageTable.Column], row: UsageTable.Row) {
        let found = try await stores.usage.request(id, onlyOrg: onlyOrg)
        guard let row = found.rows.first else { throw AdminError.notFound("The request '\(id)'") }
        return (found.columns, row)
    }
}
