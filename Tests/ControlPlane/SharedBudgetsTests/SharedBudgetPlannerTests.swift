import PlaneContract
import SharedBudgets
import Testing

@Suite struct SharedBudgetPlannerTests {
    private func state(
        _ index: Int, share: Int64, used: Int64 = 0, spent: Int64? = nil, isActive: Bool = false,
        refusedAmount: Int64? = nil
    ) -> SharedBudgetPlanner.ShardState {
        SharedBudgetPlanner.ShardState(
            shard: Shard.all[index], share: share, spent: spent ?? used, used: used, isActive: isActive,
            refusedAmount: refusedAmount)
    }

    private func moves(_ sharing: SharedBudgetPlanner, _ all: [SharedBudgetPlanner.ShardState])
        -> SharedBudgetPlanner.Moves
    {
        var random = Sequence(state: 7)
        return sharing.moves(all, using: &random)
    }

    @Test("nothing moves while every shard has room")
    func rest() {
        let all = (0..<64).map { state($0, share: 100, used: 10, isActive: true) }
        let moves = moves(SharedBudgetPlanner(ceiling: 6_400, perOrg: 80), all)
        #expect(moves.grows.isEmpty && moves.shrinks.isEmpty && !moves.isExhausted)
    }

    @Test("a shard that refused somebody gets room from idle ones")
    func fromIdle() {
        var all = (0..<64).map { state($0, share: 100) }
        all[3] = state(3, share: 100, used: 95, isActive: true, refusedAmount: 20)
        let moves = moves(SharedBudgetPlanner(ceiling: 6_400, perOrg: 80), all)
        #expect(moves.grows == [SharedBudgetPlanner.Target(shard: Shard.all[3], share: 175)])
        #expect(moves.shrinks.reduce(0) { $0 + (100 - $1.share) } == 75)
    }

    @Test("room that was given after a refusal stays until whoever was refused has asked again")
    func promised() {
        var all = (0..<64).map { state($0, share: 10, used: 10, isActive: true) }
        all[5] = state(5, share: 50, used: 10, isActive: true, refusedAmount: 40)
        all[9] = state(9, share: 10, used: 10, isActive: true, refusedAmount: 40)
        let moves = moves(SharedBudgetPlanner(ceiling: 680, perOrg: 100), all)
        #expect(moves.shrinks.isEmpty, "nothing is left but what is promised")
    }

    @Test("what is not shared out goes first")
    func fromReserve() {
        var all = (0..<64).map { state($0, share: 10) }
        all[0] = state(0, share: 10, used: 10, isActive: true)
        let moves = moves(SharedBudgetPlanner(ceiling: 6_400, perOrg: 80), all)
        #expect(moves.grows.count == 1 && moves.shrinks.isEmpty)
    }

    @Test("a sum that was lowered is taken back, as far as it is not used")
    func lowered() {
        let all = (0..<64).map { state($0, share: 100, used: 30) }
        let moves = moves(SharedBudgetPlanner(ceiling: 3_200, perOrg: 10), all)
        #expect(moves.shrinks.reduce(0) { $0 + (100 - $1.share) } == 3_200)
        #expect(moves.shrinks.allSatisfy { $0.share >= 30 })
    }

    @Test("it is used up only when not even what is held could pay for what was refused")
    func dry() {
        let sharing = SharedBudgetPlanner(ceiling: 640, perOrg: nil)
        let held = (0..<64).map { state($0, share: 10, used: 10, spent: 5, isActive: true, refusedAmount: 8) }
        #expect(!moves(sharing, held).isExhausted)
        let spent = (0..<64).map { state($0, share: 10, used: 10, isActive: true, refusedAmount: 8) }
        #expect(moves(sharing, spent).isExhausted)
    }

    @Test(
        "whatever is asked for where: never more than the sum, and nearly all of it", arguments: 0..<40 as Range<UInt64>
    )
    func property(seed: UInt64) {
        var random = Sequence(state: seed)
        let ceiling = Int64.random(in: 50_000...5_000_000, using: &random)
        let sharing = SharedBudgetPlanner(ceiling: ceiling, perOrg: Bool.random(using: &random) ? ceiling / 50 : nil)
        let busy = Int.random(in: 1...64, using: &random)
        let price = 1...(ceiling / 400)
        var share = Array(repeating: ceiling / 64, count: 64)
        var used = Array(repeating: Int64(0), count: 64)
        for _ in 0..<3_000 {
            var refusedAmount = [Int64?](repeating: nil, count: 64)
            for shard in 0..<busy {
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    let cost = Int64.random(in: price, using: &random)
                    if share[shard] - used[shard] >= cost { used[shard] += cost } else { refusedAmount[shard] = cost }
                }
            }
            let moves = sharing.moves(
                (0..<64).map {
                    state($0, share: share[$0], used: used[$0], isActive: $0 < busy, refusedAmount: refusedAmount[$0])
                }, using: &random)
            for target in moves.shrinks {
                #expect(target.share >= used[target.shard.index] && target.share < share[target.shard.index])
                share[target.shard.index] = target.share
            }
            for target in moves.grows {
                let free = ceiling - share.reduce(0, +)
                let now = share[target.shard.index]
                share[target.shard.index] = max(now, min(target.share, now + free))
            }
            #expect(share.reduce(0, +) <= ceiling && zip(share, used).allSatisfy { $0 >= $1 })
        }
        let spent = used.reduce(0, +)
        #expect(spent <= ceiling && ceiling - spent <= price.upperBound, "only \(spent) of \(ceiling) could be used")
    }

    struct Sequence: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
            return mixed ^ mixed >> 31
        }
    }
}
