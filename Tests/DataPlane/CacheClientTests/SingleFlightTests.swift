import CacheClient
import GatewayModel
import Reactor
import ResponseCache
import TestPeers
import Testing

@Suite struct SingleFlightTests {
    private let flights = SingleFlight()
    private let loop = OnLoop { $0 }
    private let told = Notes<String>()
    private let key = cacheKey("a")

    private func join(_ number: UInt64) -> String {
        let waiter = SingleFlight.Waiter(reactor: loop.reactor) { [told] outcome in
            switch outcome {
            case .answer(let answer): told.add("\(number) \(answer.model)")
            case .independent: told.add("\(number) independent")
            case .unavailable: told.add("\(number) unavailable")
            case .promoted: told.add("\(number) promoted")
            }
        }
        switch flights.join(key, id(number), waiter) {
        case .leader: return "leader"
        case .follower: return "follower"
        case .independent: return "independent"
        case .answered(let answer): return answer.model
        }
    }

    /// What the followers were told, once the loop has delivered it.
    private func followers() async -> [String] {
        await loop.run { _ in }
        return told.all.sorted()
    }

    @Test("one leads, the others get its answer, and who joins before the cache has it gets it at once")
    func answered() async {
        #expect([1, 2, 3].map(join) == ["leader", "follower", "follower"])
        flights.answered(key, by: id(2), answer("not the leader's"))
        flights.answered(key, by: id(1), answer("m"))
        #expect(await followers() == ["2 m", "3 m"])
        #expect(join(4) == "m")
        flights.close(key, by: id(1))
        #expect(join(5) == "leader")
    }

    @Test("a leader that leaves before it asked a provider makes one follower the leader; the others stay")
    func promoted() async {
        #expect([1, 2, 3].map(join) == ["leader", "follower", "follower"])
        flights.leave(key, id(1), handsOver: true)
        let first = await followers()
        #expect(first == ["2 promoted"] || first == ["3 promoted"])
        let leader: UInt64 = first == ["2 promoted"] ? 2 : 3
        flights.answered(key, by: id(leader), answer("m"))
        #expect(await followers() == ["2 \(leader == 2 ? "promoted" : "m")", "3 \(leader == 3 ? "promoted" : "m")"])
    }

    @Test("a leader that failed sends its followers their own ways, one without a cache tells them so")
    func failed() async {
        #expect([1, 2].map(join) == ["leader", "follower"])
        flights.leave(key, id(1), handsOver: false)
        #expect(await followers() == ["2 independent"])
        #expect([3, 4].map(join) == ["leader", "follower"])
        flights.bypassed(key, by: id(3))
        #expect(await followers() == ["2 independent", "4 unavailable"])
        #expect(join(5) == "leader")
    }

    @Test("a follower that left is told nothing")
    func left() async {
        #expect([1, 2, 3].map(join) == ["leader", "follower", "follower"])
        flights.leave(key, id(2), handsOver: true)
        flights.answered(key, by: id(1), answer("m"))
        #expect(await followers() == ["3 m"])
    }

    @Test("beyond the bound requests go alone")
    func bounded() {
        for n in 0..<SingleFlight.flightsMax {
            let waiter = SingleFlight.Waiter(reactor: loop.reactor) { _ in }
            if case .leader = flights.join(cacheKey("\(n)"), id(UInt64(n)), waiter) {} else { Issue.record("\(n)") }
        }
        #expect(join(1) == "independent")
    }
}
