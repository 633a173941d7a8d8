package import PlaneContract

/// A plan whose orgs share a daily budget.
package struct SharedBudget: Sendable {
    package var plan: String
    /// Nano-USD per UTC day, all orgs together.
    package var ceiling: Int64
    /// Nano-USD per UTC day for one org; `nil` for no limit.
    package var perOrg: Int64?

    /// - Parameters:
    ///   - ceiling: nano-USD per UTC day, all orgs together.
    ///   - perOrg: nano-USD per UTC day for one org; `nil` for no limit.
    package init(plan: String, ceiling: Int64, perOrg: Int64?) {
        self.plan = plan
        self.ceiling = ceiling
        self.perOrg = perOrg
    }
}

/// The most a shard may admit from a plan's shared budget on a day.
package struct BudgetShare: Sendable {
    package var shard: Shard
    /// Nano-USD.
    package var nano: Int64
    /// Rises with every change; the limiter ignores a share with an older version than it has.
    package var version: Int64

    package init(shard: Shard, nano: Int64, version: Int64) {
        self.shard = shard
        self.nano = nano
        self.version = version
    }
}

/// The rows of shared budgets and of their division among the shards. All days are UTC, as `yyyymmdd`.
///
/// The shares of a plan and a day never add up to more than its ceiling, except after the ceiling was lowered.
package protocol BudgetShares: Sendable {
    /// The plans that have a shared budget, by name.
    func budgets() async throws -> [SharedBudget]
    /// The shares of a day by shard; empty for a day that was not begun.
    func shares(_ plan: String, day: String) async throws -> [BudgetShare]
    /// Like `shares`, but gives each share a new version first.
    func renewShares(_ plan: String, day: String) async throws -> [BudgetShare]
    /// Gives every shard an equal share of a day that has none yet.
    func beginDay(_ plan: String, day: String) async throws
    /// Raises the versions of shares that still have the given ones, and returns those.
    func raiseVersions(_ plan: String, day: String, _ shares: [BudgetShare]) async throws -> [BudgetShare]
    /// Grows shares in the given order, as far as the plan's ceiling allows, and returns those that changed.
    func growShares(_ plan: String, day: String, _ shares: [BudgetShare]) async throws -> [BudgetShare]
    /// Records the shares that Redis reports. Ignores a share with an older version than the stored one.
    func recordShares(_ plan: String, day: String, _ shares: [BudgetShare]) async throws
    /// Deletes shares of days that can no longer be charged.
    func deleteShares(before day: String) async throws
}
