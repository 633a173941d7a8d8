import PlaneContract
import SharedBudgets
import Synchronization

/// The rows of shared budgets in memory, under the rules of `sql/functions/share_pools.sql`.
final class MemoryShares: BudgetShares {
    struct State: Sendable {
        var budgets: [SharedBudget] = []
        /// By plan and day.
        var rows: [String: [BudgetShare]] = [:]
    }

    private let state = Mutex(State())

    @discardableResult
    func with<Value: Sendable>(_ body: (inout State) -> Value) -> Value { state.withLock { body(&$0) } }

    private static func name(_ plan: String, _ day: String) -> String { plan + " " + day }

    func rows(_ plan: String, day: String) -> [BudgetShare] { state.withLock { $0.rows[Self.name(plan, day)] ?? [] } }

    func budgets() async throws -> [SharedBudget] { state.withLock { $0.budgets } }
    func shares(_ plan: String, day: String) async throws -> [BudgetShare] { rows(plan, day: day) }

    func renewShares(_ plan: String, day: String) async throws -> [BudgetShare] {
        change(plan, day) { rows, _ in
            for at in rows.indices { rows[at].version += 1 }
            return rows
        }
    }

    func beginDay(_ plan: String, day: String) async throws {
        _ = change(plan, day) { rows, ceiling in
            guard rows.isEmpty else { return [] }
            rows = Shard.all.map { BudgetShare(shard: $0, nano: ceiling / Int64(Shard.count), version: 0) }
            return []
        }
    }

    func raiseVersions(_ plan: String, day: String, _ shares: [BudgetShare]) async throws -> [BudgetShare] {
        change(plan, day) { rows, _ in
            shares.filter { rows[$0.shard.index].version == $0.version }.map { share in
                rows[share.shard.index].version += 1
                return rows[share.shard.index]
            }
        }
    }

    func growShares(_ plan: String, day: String, _ shares: [BudgetShare]) async throws -> [BudgetShare] {
        change(plan, day) { rows, ceiling in
            shares.compactMap { wanted in
                let row = rows[wanted.shard.index]
                let free = ceiling - rows.reduce(0) { $0 + $1.nano }
                guard free > 0, row.version == wanted.version, row.nano < wanted.nano else { return nil }
                rows[wanted.shard.index].nano = min(wanted.nano, row.nano + free)
                rows[wanted.shard.index].version += 1
                return rows[wanted.shard.index]
            }
        }
    }

    func recordShares(_ plan: String, day: String, _ shares: [BudgetShare]) async throws {
        _ = change(plan, day) { rows, _ in
            for share in shares where rows[share.shard.index].version <= share.version {
                let row = rows[share.shard.index]
                rows[share.shard.index].nano = row.version < share.version ? share.nano : min(row.nano, share.nano)
                rows[share.shard.index].version = share.version
            }
            return []
        }
    }

    func deleteShares(before day: String) async throws {
        state.withLock { state in state.rows = state.rows.filter { String($0.key.suffix(8)) >= day } }
    }

    private func change(
        _ plan: String, _ day: String, _ body: (inout [BudgetShare], _ ceiling: Int64) -> [BudgetShare]
    ) -> [BudgetShare] {
        state.withLock { state in
            let ceiling = state.budgets.first { $0.plan == plan }?.ceiling ?? 0
            return body(&state.rows[Self.name(plan, day), default: []], ceiling)
        }
    }
}
