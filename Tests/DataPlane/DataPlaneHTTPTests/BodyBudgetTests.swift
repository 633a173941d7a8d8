import DataPlaneHTTP
import Reactor
import RequestWalk
import Synchronization
import Testing

@Suite struct BodyBudgetTests {
    private static let mib = 1 << 20
    private let here = PeerAddress("10.1.1.1")
    private let there = PeerAddress("10.1.1.2")

    /// The bodies that were refused in favour of others, with the reason, in order.
    private final class Refusals: Sendable {
        private let list = Mutex<[String]>([])
        func add(_ name: String, _ reason: BodyBudget.Refusal) { list.withLock { $0.append("\(name) \(reason)") } }
        var all: [String] { list.withLock { $0 } }
    }

    private let refusals = Refusals()

    private func budget(key: Int = 32, address: Int = 64, worker: Int = 100, trusted: [String] = []) -> BodyBudget {
        var bounds = Bounds()
        bounds.bodiesBytesPerKeyMax = key * Self.mib
        bounds.bodiesBytesPerAddressMax = address * Self.mib
        bounds.bodiesBytesMax = worker * Self.mib
        return BodyBudget(bounds, trustedProxies: trusted.compactMap { AddressRange($0) })
    }

    private func open(
        _ budget: BodyBudget, _ name: String = "", key: String, from address: PeerAddress?, mib: Int?
    ) throws(BodyRefused) -> HeldBody {
        try budget.open(key: key, address: address, length: mib.map { $0 * Self.mib }) { [refusals] in
            refusals.add(name, $0)
        }
    }

    private func refusal(_ work: () throws(BodyRefused) -> Void) -> BodyBudget.Refusal? {
        do throws(BodyRefused) {
            try work()
            return nil
        } catch { return error.reason }
    }

    @Test("what a key's heads promise counts at once, and comes back when a body is let go")
    func promised() throws {
        let budget = budget()
        let first = try open(budget, key: "a", from: here, mib: 20)
        #expect(refusal { () throws(BodyRefused) in _ = try open(budget, key: "a", from: there, mib: 13) } == .key)
        _ = try open(budget, key: "a", from: there, mib: 12)
        _ = try open(budget, key: "b", from: here, mib: 20)
        #expect(budget.total == 0, "nothing has arrived")
        budget.close(first)
        budget.close(first)
        _ = try open(budget, key: "a", from: here, mib: 20)
        #expect(refusal { () throws(BodyRefused) in _ = try open(budget, key: "a", from: here, mib: 1) } == .key)
    }

    @Test("a body of unknown length counts as it arrives, and what is refused counts no longer")
    func chunked() throws {
        let budget = budget()
        let whole = try open(budget, key: "a", from: here, mib: 20)
        try budget.grow(whole, by: 20 * Self.mib)
        budget.complete(whole)
        let chunks = try open(budget, key: "a", from: here, mib: nil)
        for _ in 0..<12 { try budget.grow(chunks, by: Self.mib) }
        #expect(refusal { () throws(BodyRefused) in try budget.grow(chunks, by: 1) } == .key)
        #expect(budget.total == 20 * Self.mib)
        #expect(refusal { () throws(BodyRefused) in try budget.grow(chunks, by: 1) } != nil, "it stays refused")
        _ = try open(budget, key: "a", from: here, mib: 12)
    }

    @Test("an address is bounded over all its keys; a trusted proxy is not")
    func address() throws {
        let budget = budget(address: 40, trusted: ["10.1.1.2/32"])
        for (key, address) in [("a", here), ("b", here), ("c", there), ("d", there), ("e", there)] {
            let body = try open(budget, key: key, from: address, mib: 19)
            try budget.grow(body, by: 19 * Self.mib)
        }
        #expect(refusal { () throws(BodyRefused) in _ = try open(budget, key: "f", from: here, mib: 3) } == .address)
        let chunks = try open(budget, key: "g", from: here, mib: nil)
        #expect(refusal { () throws(BodyRefused) in try budget.grow(chunks, by: 3 * Self.mib) } == .address)
    }

    @Test(
        "a full worker refuses the largest body that still arrives, for a small one, too, and never one that is whole")
    func worker() throws {
        let budget = budget(key: 100, address: 100, worker: 50)
        let whole = try open(budget, "whole", key: "a", from: here, mib: 20)
        try budget.grow(whole, by: 20 * Self.mib)
        budget.complete(whole)
        let large = try open(budget, "large", key: "b", from: here, mib: 19)
        let middle = try open(budget, "middle", key: "c", from: there, mib: 18)
        try budget.grow(large, by: 17 * Self.mib)
        try budget.grow(middle, by: 12 * Self.mib)
        try budget.grow(middle, by: 2 * Self.mib)
        #expect(refusals.all == ["large worker"] && budget.total == 34 * Self.mib)
        #expect(refusal { () throws(BodyRefused) in try budget.grow(large, by: 1) } == .worker)
        let last = try open(budget, "last", key: "d", from: nil, mib: 16)
        try budget.grow(last, by: 16 * Self.mib)
        #expect(refusal { () throws(BodyRefused) in _ = try open(budget, key: "f", from: nil, mib: 19) } == .worker)
        _ = try budget.open(key: "e", address: here, length: 1_000) { _ in }
        #expect(refusals.all == ["large worker", "middle worker"])
    }

    @Test("the body that grows is refused itself when it is the largest")
    func itself() throws {
        let budget = budget(key: 100, address: 100, worker: 20)
        let first = try open(budget, "first", key: "a", from: here, mib: nil)
        let second = try open(budget, "second", key: "b", from: here, mib: nil)
        try budget.grow(first, by: 8 * Self.mib)
        try budget.grow(second, by: 9 * Self.mib)
        #expect(refusal { () throws(BodyRefused) in try budget.grow(second, by: 4 * Self.mib) } == .worker)
        #expect(refusals.all.isEmpty && budget.total == 8 * Self.mib)
    }

    @Test("short memory takes the largest arriving bodies first, and as many as it needs")
    func relieved() throws {
        let budget = budget(key: 100, address: 100, worker: 100)
        for (name, size) in [("one", 5), ("two", 9), ("three", 9), ("four", 7)] {
            try budget.grow(try open(budget, name, key: name, from: here, mib: nil), by: size * Self.mib)
        }
        let whole = try open(budget, "whole", key: "w", from: here, mib: 20)
        try budget.grow(whole, by: 20 * Self.mib)
        budget.complete(whole)
        #expect(budget.free(bytes: 10 * Self.mib) == 18 * Self.mib)
        #expect(refusals.all == ["three memory", "two memory"])
        #expect(budget.free(bytes: 1_000 * Self.mib) == 12 * Self.mib)
        #expect(budget.total == 20 * Self.mib)
    }

    @Test("sums are zero when all is let go, whatever happened", arguments: 0..<20)
    func sums(seed: UInt64) throws {
        var state = seed
        func random(_ below: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % below
        }
        let budget = budget(key: 8, address: 12, worker: 16)
        var bodies: [HeldBody] = []
        for _ in 0..<2_000 {
            switch random(4) {
            case 0:
                let length = [nil, 1_000, Self.mib, 5 * Self.mib][random(4)]
                let address = [here, there, nil][random(3)]
                if let body = try? budget.open(
                    key: "k\(random(3))", address: address, length: length, onRefusal: { _ in })
                {
                    bodies.append(body)
                }
            case 1 where !bodies.isEmpty: try? budget.grow(bodies[random(bodies.count)], by: random(2 * Self.mib))
            case 2 where !bodies.isEmpty: budget.complete(bodies[random(bodies.count)])
            case 3 where !bodies.isEmpty: budget.close(bodies.remove(at: random(bodies.count)))
            default: if random(50) == 0 { budget.free(bytes: random(8 * Self.mib)) }
            }
            #expect(budget.total <= 16 * Self.mib)
        }
        for body in bodies { budget.close(body) }
        #expect(budget.total == 0)
        _ = try open(budget, key: "k0", from: here, mib: 8)
    }
}
