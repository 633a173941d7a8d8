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

    private func slot(_ entry: ConnectionCounter.Entry) -> ConnectionSlot? {
        if case .counted(let slot) = entry { slot } else { nil }
    }

    private let here = PeerAddress("10.1.1.1")
    private let there = PeerAddress("2001:db8::1")

    @Test("an address has its slots, another address has others, and a slot comes back once")
    func perAddress() throws {
        let counter = counter(total: 10, perAddress: 2)
        let first = try #require(slot(counter.enter(from: here)))
        _ = try #require(slot(counter.enter(from: here)))
        guard case .addressIsFull = counter.enter(from: here) else {
            Issue.record("a third slot")
            return
        }
        #expect(counter.total == 2, "what was refused is not counted")
        #expect(slot(counter.enter(from: there)) != nil)
        first.release()
        first.release()
        #expect(counter.total == 2)
        #expect(slot(counter.enter(from: here)) != nil)
        #expect(slot(counter.enter(from: here)) == nil)
    }

    @Test("all together have their slots, whatever their addresses")
    func total() throws {
        let counter = counter(total: 3, perAddress: 3)
        let slots = [here, there, nil].compactMap { slot(counter.enter(from: $0)) }
        #expect(slots.count == 3)
        guard case .workerIsFull = counter.enter(from: PeerAddress("10.9.9.9")) else {
            Issue.record("a fourth slot")
            return
        }
        for slot in slots { slot.release() }
        #expect(counter.total == 0)
    }

    @Test("a trusted proxy is bounded in all alone; the addresses it names are counted")
    func trusted() throws {
        let counter = counter(total: 10, perAddress: 1, trusted: ["10.0.0.0/8"])
        #expect(slot(counter.enter(from: here)) != nil && slot(counter.enter(from: here)) != nil)
        let named = try #require(there)
        let first = try #require(slot(counter.enter(from: nil)))
        let second = try #require(slot(counter.enter(from: nil)))
        #expect(first.count(for: named) && !second.count(for: named))
        first.release()
        #expect(second.count(for: named))
        second.release()
        #expect(counter.total == 2)
    }
}
