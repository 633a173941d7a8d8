import PlaneContract
import Routing
import Testing

/// Failures caused by one key count only once.
@Suite struct BlameTests {
    static let provoked: [FailureClass] = [.overloaded, .transient, .slow, .streamBroken, .modelMissing]
    private let stranger = KeyHash("stranger")
    private let table = routes([Engine(id: "a"), Engine(id: "b", modelOrder: 1)], by: nil)
    private var a: RouteTarget { target("a", of: table) }

    @Test("failures of one key put a deployment out for that key alone, however many", arguments: provoked)
    func oneKey(failure: FailureClass) {
        var health = HealthTable()
        for n in 0..<200 as Range<Int64> {
            health.attempt(a, for: stranger, .failed(failure, retryAfterMs: nil), atMs: n * 100)
            let now = n * 100
            #expect(health.availability(of: a, for: anyKeyHash, atMs: now) == .ready, "after \(n + 1)")
            #expect(health.availability(of: a, atMs: now) == .ready, "as other workers read it, after \(n + 1)")
        }
        guard case .out = health.availability(of: a, for: stranger, atMs: 19_900) else {
            Issue.record("not out for the key itself")
            return
        }
    }

    @Test("for its only key it goes out as fast as ever", arguments: [FailureClass.transient, .slow, .overloaded])
    func onlyKey(failure: FailureClass) {
        var health = HealthTable()
        for n in 1...CircuitBreaker.failuresMax {
            #expect(health.availability(of: a, for: anyKeyHash, atMs: 10) == .ready, "before failure \(n)")
            health.attempt(a, .failed(failure, retryAfterMs: nil), atMs: 10)
        }
        #expect(health.availability(of: a, for: anyKeyHash, atMs: 10) == .out("circuit_open", untilMs: 5_010))
    }

    @Test("five keys are believed by all, four are not", arguments: [FailureClass.transient, .slow])
    func manyKeys(failure: FailureClass) {
        var health = HealthTable()
        for n in 1...5 {
            #expect(health.availability(of: a, for: anyKeyHash, atMs: 10) == .ready)
            for _ in 0..<n { health.attempt(a, for: KeyHash("\(n)"), .failed(failure, retryAfterMs: nil), atMs: 10) }
        }
        #expect(health.availability(of: a, for: anyKeyHash, atMs: 10).isOut)
    }

    @Test("a 404 and a broken stream rest for their key at once, for all after five keys")
    func rests() {
        for failure in [FailureClass.modelMissing, .streamBroken] {
            var health = HealthTable()
            for n in 1...5 {
                #expect(!health.availability(of: a, for: anyKeyHash, atMs: 10).isOut)
                health.attempt(a, for: KeyHash("\(n)"), .failed(failure, retryAfterMs: nil), atMs: 10)
                #expect(health.availability(of: a, for: KeyHash("\(n)"), atMs: 10).isOut)
            }
            #expect(health.availability(of: a, for: anyKeyHash, atMs: 10).isOut)
        }
    }

    @Test(
        "what no caller can provoke counts for all at once",
        arguments: [FailureClass.rateLimited, .insecure, .operatorAuth, .operatorQuota])
    func operators(failure: FailureClass) {
        var health = HealthTable()
        health.attempt(a, for: stranger, .failed(failure, retryAfterMs: nil), atMs: 10)
        #expect(health.availability(of: a, for: anyKeyHash, atMs: 10).isOut)
        var unreachable = HealthTable()
        for _ in 0..<5 { unreachable.attempt(a, for: stranger, .failed(.unreachable, retryAfterMs: nil), atMs: 10) }
        #expect(unreachable.availability(of: a, for: anyKeyHash, atMs: 10).isOut)
    }

    @Test("a key that fails by its own doing cannot keep a deployment out by winning the probes")
    func probes() {
        var breaker = CircuitBreaker()
        for n in 0..<5 { breaker.failed(for: KeyHash("\(n)"), startedMs: 0, atMs: 0, openMs: 5_000) }
        breaker.claimProbe(atMs: 5_000)
        breaker.failed(for: stranger, startedMs: 5_000, atMs: 5_010, openMs: 5_000)
        #expect(breaker.availability(atMs: 5_010) == .open(untilMs: 15_010), "once it is believed")
        breaker.claimProbe(atMs: 15_010)
        breaker.failed(for: stranger, startedMs: 15_010, atMs: 15_020, openMs: 5_000)
        #expect(breaker.availability(atMs: 15_020) == .probeDue, "then the next request may probe")
    }

    @Test("more failing keys than are watched disturb nothing")
    func manyStrangers() {
        var health = HealthTable()
        for n in 0..<1_000 as Range<Int64> {
            health.attempt(a, for: KeyHash("\(n)"), .failed(.transient, retryAfterMs: nil), atMs: n)
            health.attempt(a, for: KeyHash("\(n)"), .answered(tokens: 1, afterMs: 1), atMs: n)
        }
        #expect(health.deployments.count == 1)
    }
}

/// One key's requests do not influence routing for other keys.
@Suite struct VoiceTests {
    private let stranger = KeyHash("stranger")
    private let neighbour = KeyHash("neighbour")
    private static let fast = Objective(latency: 6, speed: 3, uptime: 1)

    /// How often each deployment is the first choice for a key.
    private func firsts(_ table: RoutingTable, _ health: HealthTable, atMs now: Int64) throws -> [String: Int] {
        var random = Seeded(1)
        var counts: [String: Int] = [:]
        for _ in 0..<200 {
            let plan = try table.plan(
                for: "all", facts: RouteFacts(), key: anyKey, atMs: 5, health: health, nowMs: now, random: &random)
            counts[plan.targets[0].deployment.id, default: 0] += 1
        }
        return counts
    }

    /// A stranger gets `note` from "quick" 200 times; two other keys use it occasionally and are served well.
    private func attacked(_ note: AttemptObservation) -> (RoutingTable, HealthTable) {
        let table = routes([Engine(id: "quick"), Engine(id: "steady")], by: Self.fast)
        let (quick, steady) = (target("quick", of: table), target("steady", of: table))
        var health = HealthTable()
        for n in 0..<200 as Range<Int64> {
            let now = 1_000 + n * 100
            if n % 50 == 0 {
                for key in [anyKeyHash, neighbour] {
                    health.attempt(quick, for: key, .firstToken(afterMs: 100), takingMs: 100, atMs: now)
                    health.attempt(steady, for: key, .firstToken(afterMs: 400), takingMs: 400, atMs: now)
                }
            }
            health.attempt(quick, for: stranger, note, takingMs: 900, atMs: now)
        }
        return (table, health)
    }

    @Test(
        "slow or failing prompts of one key leave the choice of the others as it was",
        arguments: [
            .firstToken(afterMs: 60_000), .answered(tokens: 1, afterMs: 90_000), .failed(.slow, retryAfterMs: nil),
            .failed(.transient, retryAfterMs: nil),
        ] as [AttemptObservation])
    func steering(note: AttemptObservation) throws {
        let (table, health) = attacked(note)
        let counts = try firsts(table, health, atMs: 21_000)
        #expect(counts["quick"] ?? 0 >= 190, "\(counts)")
    }

    @Test("nor do requests of one key that wait")
    func waiting() throws {
        var (table, health) = attacked(.firstToken(afterMs: 100))
        let quick = try #require(table.allTargets.first { $0.deployment.id == "quick" })
        for _ in 0..<50 { health.began(quick, for: stranger, streams: true, isFirst: true, atMs: 21_000) }
        let counts = try firsts(table, health, atMs: 40_000)
        #expect(counts["quick"] ?? 0 >= 190, "\(counts)")
    }

    @Test("the key itself believes what it sees")
    func own() {
        var stats = DeploymentHealth()
        let table = routes([Engine(id: "a")], by: nil)
        for n in 0..<20 as Range<Int64> {
            for (key, after) in [(anyKeyHash, 100), (stranger, 5_000)] as [(KeyHash, Int64)] {
                let now = 10_000 + n * 100
                stats.record(
                    AttemptReport(
                        table.allTargets[0], for: key, startedMs: now - after, streams: true, wasWaiting: true,
                        .firstToken(afterMs: after)), openMs: 5_000, atMs: now)
            }
        }
        #expect(stats.firstTokenMs(for: anyKeyHash, atMs: 12_000) == 100)
        #expect(stats.firstTokenMs(for: stranger, atMs: 12_000) ?? 0 >= 4_000)
    }

    @Test("where all keys see it, it is believed as fast as from one")
    func real() throws {
        var (table, health) = attacked(.firstToken(afterMs: 100))
        let quick = try #require(table.allTargets.first { $0.deployment.id == "quick" })
        for n in 0..<20 as Range<Int64> {
            for key in [anyKeyHash, neighbour, stranger] {
                health.attempt(quick, for: key, .firstToken(afterMs: 3_000), takingMs: 3_000, atMs: 24_000 + n * 100)
            }
        }
        let counts = try firsts(table, health, atMs: 26_000)
        #expect(counts["steady"] ?? 0 >= 190, "\(counts)")
    }

    @Test("what one other key alone has measured is looked at again now and then")
    func hearsay() throws {
        let table = routes([Engine(id: "quick"), Engine(id: "steady")], by: Self.fast)
        var health = HealthTable()
        for target in table.allTargets {
            let isQuick = target.deployment.id == "quick"
            for n in 0..<100 as Range<Int64> {
                health.attempt(
                    target, for: isQuick ? stranger : anyKeyHash, .firstToken(afterMs: isQuick ? 60_000 : 400),
                    atMs: 60_000 + n * 100)
            }
        }
        let counts = try firsts(table, health, atMs: 70_000)
        #expect((1...20).contains(counts["quick"] ?? 0), "\(counts)")
    }
}

private func target(_ id: String, of table: RoutingTable) -> RouteTarget {
    guard let found = table.allTargets.first(where: { $0.deployment.id == id }) else {
        preconditionFailure("no deployment \(id)")
    }
    return found
}

extension Availability {
    var isOut: Bool { if case .out = self { true } else { false } }
}
