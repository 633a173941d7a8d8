package import PlaneContract

/// Decides how a pool's day is shared out over the shards. A pure function of what each shard said a moment ago; nothing here keeps
/// the sum of the shares below the ceiling: `PoolKeeper` and the database do, whatever is decided.
package struct PoolSharing: Sendable {
    /// How a shard stands on the day.
    package struct Standing: Sendable {
        package var shard: Shard
        /// What it may let through, at most, nano-USD.
        package var share: Int64
        package var spent: Int64
        /// Spent, and held by running requests.
        package var used: Int64
        /// Requests have come lately.
        package var isActive: Bool
        /// The least that a request asked for which was refused lately: it will ask again.
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
        /// What was refused would pass now.
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
        /// Shares to be made smaller, first of all.
        package var shrinks: [Target] = []
        /// Then shares to be made larger, as far as there is something to give, in this order.
        package var grows: [Target] = []
        /// Not even what running requests hold could pay for what was refused.
        package var isDry = false
    }

    /// Nano-USD of the day, all orgs together.
    let ceiling: Int64
    /// The room a shard has while requests come: what a single org may spend, so that its day fits in without waiting.
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
            // Half a room is room enough, unless somebody was refused.
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

    /// The room each shard that needs some shall have: first those that were given some after they had refused somebody, who is about to
    /// ask again, then those that refuse, then those where requests come. Where there is not enough for all, as many as possible have what
    /// the largest refused request asked for, and who that is changes from turn to turn.
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
