import AdminStore
import GatewayModel
import PlaneContract
import Postgres
import Testing

@Suite struct LimitColumnsTests {
    private static let names = [
        "requests_per_minute", "tokens_per_minute", "concurrent_requests", "requests_per_day", "requests_per_month",
        "nano_usd_per_day", "nano_usd_per_month",
    ]
    private let limits = ScopeLimits(
        requestsPerMinute: 1, tokensPerMinute: 2, concurrentRequests: 3, requestsPerDay: 4, requestsPerMonth: 5,
        perDay: NanoUSD(6), perMonth: NanoUSD(7))

    @Test("binds the seven limits in the order of the columns")
    func order() { #expect(LimitColumns.values(limits) == ["1", "2", "3", "4", "5", "6", "7"]) }

    @Test("no limit is null, and zero is a limit")
    func none() {
        #expect(LimitColumns.values(ScopeLimits()) == Array(repeating: nil, count: 7))
        #expect(LimitColumns.values(ScopeLimits(requestsPerDay: 0))[3] == "0")
    }

    @Test("reads back what it binds, under any prefix and no other", arguments: ["", "key_", "org_"])
    func readsBack(prefix: String) {
        let columns = zip(Self.names, LimitColumns.values(limits)).map { (prefix + $0, $1) }
        let row = PostgresRow(Dictionary(uniqueKeysWithValues: columns))
        #expect(LimitColumns.limits(of: row, prefix: prefix) == limits)
        #expect(LimitColumns.limits(of: row, prefix: "own_") == ScopeLimits())
    }
}
