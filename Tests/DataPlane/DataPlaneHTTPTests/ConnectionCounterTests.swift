import DataPlaneHTTP
import Reactor
import RequestWalk
import Testing

@Suite struct ConnectionCounterTests {
    private func counter(total: Int, perAddress: Int, trusted: [String] = []) -> ConnectionCounter {
        var bounds = Bounds()
        bounds.connectionsMax = total
        bounds.connectionsPerAddressMax = perAddress
        return ConnectionCounter(bounds, trustedProxies: trusted.compactMap { AddressRange($0) })
    }

    private func place(_ entry: ConnectionCounter.Entry) -> ConnectionPlace? {
        if case .counted(let place) = entry { place } else { nil }
    }

    private let here = PeerAddress("10.1.1.1")
    private let there = PeerAddress("2001:db8::1")

    @Test("an address has its places, another address has others, and a place comes back once")
    func perAddress() throws {
        let counter = counter(total: 10, perAddress: 2)
        let first = try #require(place(counter.enter(from: here)))
        _ = try #require(place(counter.enter(from: here)))
        guard case .addressIsFull = counter.enter(from: here) else {
            Issue.record("a third place")
            return
        }
        #expect(counter.total == 2, "what was refused is not counted")
        #expect(place(counter.enter(from: there)) != nil)
        first.leave()
        first.leave()
        #expect(counter.total == 2)
        #expect(place(counter.enter(from: here)) != nil)
        #expect(place(counter.enter(from: here)) == nil)
    }

    @Test("all together have their places, whatever their addresses")
    func total() throws {
        let counter = counter(total: 3, perAddress: 3)
        let places = [here, there, nil].compactMap { place(counter.enter(from: $0)) }
        #expect(places.count == 3)
        guard case .workerIsFull = counter.enter(from: PeerAddress("10.9.9.9")) else {
            Issue.record("a fourth place")
            return
        }
        for place in places { place.leave() }
        #expect(counter.total == 0)
    }

    @Test("a trusted proxy is bounded in all alone; the addresses it names are counted")
    func trusted() throws {
        let counter = counter(total: 10, perAddress: 1, trusted: ["10.0.0.0/8"])
        #expect(place(counter.enter(from: here)) != nil && place(counter.enter(from: here)) != nil)
        let named = try #require(there)
        let first = try #require(place(counter.enter(from: nil)))
        let second = try #require(place(counter.enter(from: nil)))
        #expect(first.name(named) && !second.name(named))
        first.leave()
        #expect(second.name(named))
        second.leave()
        #expect(counter.total == 2)
    }
}
