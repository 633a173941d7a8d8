internal import Ledger
package import PlaneContract
internal import Publication
internal import SharedBudgets

/// What the supervisor needs of the publisher.
package protocol ConfigurationPublishing: Sendable {
    /// The format of the key records it writes.
    func recordFormat() async throws -> String
    /// Publishes everything pending, and returns whether that succeeded.
    func publish() async -> Bool
    /// Publishes the snapshot and everything published since this time again, in milliseconds of PostgreSQL's clock.
    func republish(sinceMs ms: Int64) async throws
    /// Publishes the snapshot and the recently used keys.
    func publishSnapshotAndUsedKeys() async throws
    /// Publishes every key, changed or not.
    func publishAllKeys() async throws
    /// Deletes a bounded number of changes that were published long ago, and returns how many.
    func pruneChanges() async throws -> Int64
}

/// What the supervisor needs of the reader of usage streams.
package protocol UsageRereading: Sendable {
    /// Makes the next turn start before the cursors: entries may have been numbered again.
    func reread() async
    /// Reads the streams of lost shards from the beginning.
    func rereadFromStart(_ shards: [Shard]) async throws
}

/// What the supervisor needs of shared budgets.
package protocol ShareRewriting: Sendable {
    /// Writes the shares of every budget to Redis again.
    func rewriteShares() async throws
}

extension Publisher: ConfigurationPublishing {}
extension LedgerIngest: UsageRereading {}
extension SharedBudgetDistributor: ShareRewriting {}
