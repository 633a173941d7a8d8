/// How sums of usage are asked for.
package struct UsageQuery: Sendable {
    /// The length of the periods that are summed.
    package enum Bucket: String, CaseIterable, Sendable {
        case minute = "1m"
        case hour = "1h"
        case day = "1d"

        /// The most buckets in one answer.
        package var countMax: Int64 {
            switch self {
            case .minute: 1_440
            case .hour: 168
            case .day: 31
            }
        }
    }

    /// What sums can be told apart by, and filtered by.
    package enum Dimension: String, CaseIterable, Sendable {
        case org
        case key
        case model
        case deployment
        /// The model or alias that the client named.
        case alias
        case outcome
        /// `2xx` and so on; `none` when no status was sent.
        case status
        /// `hit` or `none`.
        case cache
    }

    /// RFC 3339. The buckets are those that have a part between the two; `nil` for now.
    package var start: String
    package var end: String?
    package var bucket: Bucket
    package var groupBy: [Dimension]
    /// For each dimension named, the values of which one has to match.
    package var filters: [Dimension: [String]]
    /// The only org whose usage may be seen; `nil` for all.
    package var onlyOrg: String?
    /// Only requests and money, of up to `costDaysMax` days.
    package var isCosts: Bool

    package static let costDaysMax: Int64 = 180

    package init(
        start: String, end: String?, bucket: Bucket, groupBy: [Dimension], filters: [Dimension: [String]],
        onlyOrg: String?, isCosts: Bool
    ) {
        self.start = start
        self.end = end
        self.bucket = bucket
        self.groupBy = groupBy
        self.filters = filters
        self.onlyOrg = onlyOrg
        self.isCosts = isCosts
    }
}

/// The period that a query covers, in whole buckets.
package struct UsagePeriod: Sendable {
    /// RFC 3339, UTC.
    package var start: String
    /// RFC 3339, UTC; not included.
    package var end: String
    package var buckets: Int64
    /// When the period begins earlier than what is kept by minute: the first minute that is.
    package var keptSince: String?

    package init(start: String, end: String, buckets: Int64, keptSince: String?) {
        self.start = start
        self.end = end
        self.buckets = buckets
        self.keptSince = keptSince
    }
}

/// Which requests are listed, newest first.
package struct RequestFilter: Sendable {
    package var keys: [String]
    package var models: [String]
    package var outcomes: [String]
    /// RFC 3339; `nil` for the last `defaultDays`.
    package var since: String?
    /// Decimal USD: only requests that cost at least this.
    package var costAtLeast: String?
    /// The id of a request: only older ones.
    package var after: String?
    package var onlyOrg: String?

    package static let defaultDays = 31

    package init(
        keys: [String], models: [String], outcomes: [String], since: String?, costAtLeast: String?, after: String?,
        onlyOrg: String?
    ) {
        self.keys = keys
        self.models = models
        self.outcomes = outcomes
        self.since = since
        self.costAtLeast = costAtLeast
        self.after = after
        self.onlyOrg = onlyOrg
    }
}
