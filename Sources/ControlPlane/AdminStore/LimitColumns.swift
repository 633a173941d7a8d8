internal import GatewayModel
package import PlaneContract
package import Postgres

/// The seven limit columns of plans, orgs and keys, in the order in which every statement here binds them.
package enum LimitColumns {
    /// The text of each limit, `nil` for none.
    package static func values(_ limits: ScopeLimits) -> [String?] {
        [
            limits.requestsPerMinute, limits.tokensPerMinute, limits.concurrentRequests, limits.requestsPerDay,
            limits.requestsPerMonth, limits.perDay?.nano, limits.perMonth?.nano,
        ].map { $0.map { String($0) } }
    }

    /// - Parameter prefix: `key_` or `org_` for a plan's ceilings, otherwise empty.
    package static func limits(of row: PostgresRow, prefix: String = "") -> ScopeLimits {
        func number(_ name: String) -> Int64? { row.optionalInteger(prefix + name) }
        return ScopeLimits(
            requestsPerMinute: number("requests_per_minute"), tokensPerMinute: number("tokens_per_minute"),
            concurrentRequests: number("concurrent_requests"), requestsPerDay: number("requests_per_day"),
            requestsPerMonth: number("requests_per_month"), perDay: number("nano_usd_per_day").map(NanoUSD.init(_:)),
            perMonth: number("nano_usd_per_month").map(NanoUSD.init(_:)))
    }
}
