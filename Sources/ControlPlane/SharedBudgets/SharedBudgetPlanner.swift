package import PlaneContract

/// Decides how a plan's shared daily budget is divided among the shards.
///
/// A pure function of what each shard reported last. It does not keep the sum of the shares below the ceiling:
/// `SharedBudgetDistributor` and the database do, whatever is decided here.
package struct SharedBudgetPlanner: Sendable {
    /// A shard's state on the day.
    package struct ShardState: Sendable {
        package var shard: Shard
        /// The most it may admit, nano-USD.
        package var share: Int64
        /// Charged today, nano-USD.
        package var spent: Int64
        /// Spent plus held by running requests.
        package var used: Int64
        /// Whether it has had requests recently.
        package var isActive: Bool
        /// The smallest hold that was refused recently and is likely to be retried, nano-USD; `nil` for none.
        package var refusedAmount: Int64?

        package init(shard: Shard, share: Int64, spent: Int64, used: Int64, isActive: Bool, refusedAmount: Int64?) {
            self.shard = shard
            self.share = share
            self.spent = spent
            self.used = used
            self.isActive = isActive
            self.refusedAmount = refusedAmount
        }

        var room: Int64 { share - used }
        /// Whether the refused request would be admitted now.
        var coversRefused: Bool { refusedAmount.map { room >= $0 } ?? false }
        var isRefusing: Bool { refusedAmount.map { room < $0 } ?? false }
    }

    /// The new share of a shard, nano-USD.
    package struct Target: Sendable, Equatable {
        package var shard: Shard
        package var share: Int64

        package init(shard: Shard, share: Int64) {
            self.shard = shard
            self.share = share
        }
    }

    package struct Moves: Sendable {
        /// Shares to shrink, before any grows.
        package var shrinks: [Target] = []
        /// Shares to grow, in this order, as far as the freed budget goes.
        package var grows: [Target] = []
        /// Even with everything that running requests hold, the budget could not pay for what was refused.
        package var isExhausted = false
    }

    /// The day's budget of all orgs together, nano-USD.
    let ceiling: Int64
    /// The free share an active shard should have.
    ///
    /// One org's daily limit, so that the org never has to wait for more, or else an equal part of the ceiling.
    let headroom: Int64

    /// - Parameters:
    ///   - ceiling: the day's budget of all orgs together, nano-USD.
    ///   - perOrg: one org's daily limit, nano-USD; `nil` for no limit.
    package init(ceiling: Int64, perOrg: Int64?) {
        self.ceiling = ceiling
        headroom = max(1, min(perOrg ?? ceiling / Int64(Shard.count), ceiling))
    }

    /// The changes that bring free share to the shards that need it.
    ///
    /// A shrink never goes below what a shard has used, but Redis may have used more in the meantime and shrink less.
    ///
    /// - Parameters:
    ///   - all: the state of every shard on the same day.
    ///   - random: orders shards of equal priority.
    package func moves(_ all: [ShardState], using random: inout some RandomNumberGenerator) -> Moves {
        var moves = Moves()
        moves.isExhausted = ceiling - all.reduce(0) { $0 + $1.spent } < (all.compactMap(\.refusedAmount).min() ?? 1)
        let rooms = rooms(all, using: &random)
        var needed: Int64 = 0
        for (state, room) in rooms {
            let target = state.used + room
            // Half the headroom is enough, unless a request was refused.
            guard target > state.share, state.isRefusing || state.room < room / 2 else { continue }
            moves.grows.append(Target(shard: state.shard, share: target))
            needed += target - state.share
        }
        var toFree = needed - (ceiling - all.reduce(0) { $0 + $1.share })
        let kept = Dictionary(rooms.map { ($0.0.shard, $0.1) }) { first, _ in first }
        func surplus(_ state: ShardState) -> Int64 { state.room - (kept[state.shard] ?? 0) }
        for donor in all.sorted(by: { surplus($0) > surplus($1) }) {
            guard toFree > 0, surplus(donor) > 0 else { break }
            let freed = min(surplus(donor), toFree)
            moves.shrinks.append(Target(shard: donor.shard, share: donor.share - freed))
            toFree -= freed
        }
        return moves
    }

    /// The free share that each shard in need should get, in order of priority.
    ///
    /// First come shards whose room covers what they refused, since those clients are about to retry, then those that
    /// still refuse, then other active ones. The last two groups are in random order, so that over several turns all
    /// get a chance. Each shard needs the headroom, or its refused amount if that is more. When there is not enough for
    /// all, the first group gets only its refused amounts, and every other shard at most an equal part, or the largest
    /// amount still refused if that is more, until nothing is left.
    private func rooms(_ all: [ShardState], using random: inout some RandomNumberGenerator) -> [(ShardState, Int64)] {
        let retrying = all.filter(\.coversRefused)
        let refusing = all.filter(\.isRefusing).shuffled(using: &random)
        let others = all.filter { $0.refusedAmount == nil && $0.isActive }.shuffled(using: &random)
        let needing = (retrying + refusing + others).map { ($0, max(headroom, $0.refusedAmount ?? 0)) }
        var left = max(0, ceiling - all.reduce(0) { $0 + $1.used })
        guard !needing.isEmpty, needing.reduce(0, { $0 + $1.1 }) > left else { return needing }
        let each = max(left / Int64(needing.count), refusing.compactMap(\.refusedAmount).max() ?? 0)
        return needing.map { state, room in
            let granted = min(room, state.coversRefused ? state.refusedAmount ?? 0 : each, left)
            left -= granted
            return (state, granted)
        }
    }
}
