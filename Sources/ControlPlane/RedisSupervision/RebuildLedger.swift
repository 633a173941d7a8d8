package import PlaneContract

/// What opening and rebuilding the state Redis needs of the ledger.
package protocol RebuildLedger: Sendable {
    /// The totals of every key and org with spend in this or the previous month.
    func totals() async throws -> [ScopeTotals]
    /// The totals of each shared budget in each shard.
    func sharedBudgetTotals() async throws -> [ScopeTotals]
    /// The requests of the last hour that were reaped, and whose worker has not reported the real cost since.
    func reapedRequests() async throws -> [ReapedRequest]
    /// Orgs used within the last hour.
    func recentlyUsedOrgs() async throws -> Set<String>
    /// The last stream id in the ledger for each shard, by shard number.
    func cursors() async throws -> [String]
    /// The ledger's clock, in milliseconds since 1970.
    func clockMs() async throws -> Int64
    /// Gives each shard the number of its next generation, which fences off any rebuild already under way.
    func raiseGenerations(of shards: [Shard]) async throws -> [(Shard, Int64)]
    /// Records that these generations are about to begin; false when one of them is not the newest.
    func beginGenerations(_ generations: [(Shard, Int64)]) async throws -> Bool
    /// The newest generation of each shard that has begun; 0 before the first.
    func begunGenerations() async throws -> [Shard: Int64]
}

/// One scope's usage in a period, named as the limiter does (`yyyymm`, `yyyymmdd`).
package struct PeriodTotal: Sendable {
    package var period: String
    /// Nano-USD.
    package var nano: Int64
    package var requests: Int64
    /// Requests answered from the cache, and what that saved in nano-USD.
    package var hits: Int64
    package var savedNano: Int64

    package init(
        period: String, nano: Int64, requests: Int64, hits: Int64, savedNano: Int64
    ) {
        self.period = period
        self.nano = nano
        self.requests = requests
        self.hits = hits
        self.savedNano = savedNano
    }
}

/// The totals of a scope for the current and the previous UTC month and day.
package struct ScopeTotals: Sendable {
    /// The orgs whose requests count in this scope; all belong to one shard.
    package var orgIDs: Set<String>
    package var scope: String
    package var month: PeriodTotal
    package var day: PeriodTotal
    package var previousMonth: PeriodTotal
    package var previousDay: PeriodTotal

    package var shard: Shard { Shard(orgID: orgIDs.first ?? "") }

    package init(
        orgIDs: Set<String>, scope: String, month: PeriodTotal, day: PeriodTotal, previousMonth: PeriodTotal,
        previousDay: PeriodTotal
    ) {
        self.orgIDs = orgIDs
        self.scope = scope
        self.month = month
        self.day = day
        self.previousMonth = previousMonth
        self.previousDay = previousDay
    }
}

/// A request whose hold was settled for its dead worker.
package struct ReapedRequest: Sendable {
    package var id: String
    package var orgID: String
    /// What it was charged, nano-USD.
    package var nano: Int64
    package var month: String
    package var day: String
    /// Whether it also counted in its plan's shared budget.
    package var countsInSharedBudget: Bool

    package init(
        id: String, orgID: String, nano: Int64, month: String, day: String, countsInSharedBudget: Bool
    ) {
        self.id = id
        self.orgID = orgID
        self.nano = nano
        self.month = month
        self.day = day
        self.countsInSharedBudget = countsInSharedBudget
    }
}
