package import PlaneContract

/// Decides how a pool's daily budget is divided among the shards.
///
/// A pure function of what each shard reported last. It does not keep the sum of the shares below the ceiling:
/// `PoolKeeper` and the database do, whatever is decided here.
package struct PoolSharing: Sendable {
    /// A shard's state on the day.
    package struct Standing: Sendable {
        package var shard: Shard
        /// The most it may admit, nano-USD.
        package var share: Int64
        package var spent: Int64
        /// Spent plus held by running requests.
        package var used: Int64
        /// Whether it has had requests recently.
        package var isActive: Bool
        /// The smallest amount that was refused recently and is likely to be retried.
        package var wanted: Int64?

        package init(shard: Shard, share: Int64, spent: Int64, used: Int64, isActive: Bool, wanted: Int64?) {
            self.shard = shard
            self.share = share
            self.spent = spent
            self.used = used
            self.isActive = isActive
            self.wanted = wanted
        }

        var room: Int64 { share - used }
        /// Whether the refused request would be admitted now.
        var isPromised: Bool { wanted.map { room >= $0 } ?? false }
        var isRefusing: Bool { wanted.map { room < $0 } ?? false }
    }

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
        package var isDry = false
    }

    /// The day's budget of all orgs together, nano-USD.
    let ceiling: Int64
    /// The free share an active shard should have.
    ///
    /// One org's daily limit, so that the org never has to wait for more, or else an equal part of the ceiling.
    let headroom: Int64

    package init(ceiling: Int64, perOrg: Int64?) {
        self.ceiling = ceiling
        headroom = max(1, min(perOrg ?? ceiling / Int64(Shard.count), ceiling))
    }

    package func moves(_ all: [Standing], using random: inout some RandomNumberGenerator) -> Moves {
        var moves = Moves()
        moves.isDry = ceiling - all.reduce(0) { $0 + $1.spent } < (all.compactMap(\.wanted).min() ?? 1)
        let rooms = rooms(all, using: &random)
        var needed: Int64 = 0
        for (standing, room) in rooms {
            let target = standing.used + room
            // Half the headroom is enough, unless a request was refused.
            guard target > standing.share, standing.isRefusing || standing.room < room / 2 else { continue }
            moves.grows.append(Target(shard: standing.shard, share: target))
            needed += target - standing.share
        }
        var toFree = needed - (ceiling - all.reduce(0) { $0 + $1.share })
        let kept = Dictionary(rooms.map { ($0.0.shard, $0.1) }) { first, _ in first }
        func surplus(_ standing: Standing) -> Int64 { standing.room - (kept[standing.shard] ?? 0) }
        for donor in all.sorted(by: { surplus($0) > surplus($1) }) {
            guard toFree > 0, surplus(donor) > 0 else { break }
            let given = min(surplus(donor), toFree)
            moves.shrinks.append(Target(shard: donor.shard, share: donor.share - given))
            toFree -= given
        }
        return moves
    }

    /// The free share each shard that needs some should get, in order of priority.
    ///
    /// First come shards that received share after a refusal, whose clients are about to retry, then those that are
    /// refusing, then other active ones. When there is not enough for all, each gets an equal part, or the largest
    /// refused amount if that is more, until nothing is left. The order within a group is random, so that over several
    /// turns all get a chance.
    private func rooms(_ all: [Standing], using random: inout some RandomNumberGenerator) -> [(Standing, Int64)] {
        let promised = all.filter(\.isPromised)
        let refusing = all.filter(\.isRefusing).shuffled(using: &random)
        let others = all.filter { $0.wanted == nil && $0.isActive }.shuffled(using: &random)
        let needing = (promised + refusing + others).map { ($0, max(headroom, $0.wanted ?? 0)) }
        var left = max(0, ceiling - all.reduce(0) { $0 + $1.used })
        guard !needing.isEmpty, needing.reduce(0, { $0 + $1.1 }) > left else { return needing }
        let each = max(left / Int64(needing.count), refusing.compactMap(\.wanted).max() ?? 0)
        return needing.map { standing, room in
            let given = min(room, standing.isPromised ? standing.wanted ?? 0 : each, left)
            left -= given
            return (standing, given)
        }
    }
}
