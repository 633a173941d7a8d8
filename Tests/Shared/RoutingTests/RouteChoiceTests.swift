import GatewayModel
import PlaneContract
import Routing
import Testing

@Suite struct RouteChoiceTests {
    private static let fast = Objective(latency: 1)

    private func plan(
        _ table: RoutingTable, _ health: HealthTable = HealthTable(), facts: RouteFacts = RouteFacts(),
        nowMs: Int64 = 2_000, seed: UInt64 = 1
    ) throws -> RoutePlan {
        var random = Seeded(seed)
        return try table.plan(
            for: "all", facts: facts, key: anyKey, atMs: 5, health: health, nowMs: nowMs, random: &random)
    }

    private func ids(
        _ table: RoutingTable, _ health: HealthTable = HealthTable(), facts: RouteFacts = RouteFacts(),
        nowMs: Int64 = 2_000, seed: UInt64 = 1
    ) throws -> [String] {
        try plan(table, health, facts: facts, nowMs: nowMs, seed: seed).targets.map(\.deployment.id)
    }

    private func measured(_ table: RoutingTable, _ firstTokens: [String: Int64], atMs now: Int64 = 1_900) -> HealthTable
    {
        var health = HealthTable()
        for target in table.allTargets {
            guard let time = firstTokens[target.deployment.id] else { continue }
            health.attempt(target, .firstToken(afterMs: time), takingMs: time, atMs: now)
        }
        return health
    }

    @Test("the objective decides within a place of the order, and the order stands above it")
    func orders() throws {
        let table = routes([Engine(id: "a"), Engine(id: "b"), Engine(id: "c", modelOrder: 1)], by: Self.fast)
        let health = measured(table, ["a": 500, "b": 200, "c": 1])
        #expect(try ids(table, health) == ["b", "a", "c"])
        #expect(try plan(table, health).reason == .score(hundredths: 100, of: 2))
    }

    @Test("each quality can decide")
    func qualities() throws {
        let engines = [Engine(id: "a", price: 1_000_000_000), Engine(id: "b", price: 9_000_000_000)]
        #expect(try ids(routes(engines, by: Objective(cost: 1)))[0] == "a")
        let table = routes(engines, by: Objective(latency: 1, speed: 3))
        var health = measured(table, ["a": 100, "b": 110])
        for target in table.allTargets {
            let tokens: Int64 = target.deployment.id == "b" ? 300 : 50
            health.attempt(target, .streamed(tokens: tokens, overMs: 1_000), atMs: 1_950)
        }
        #expect(try ids(table, health)[0] == "b")
        let steady = routes(engines, by: Objective(uptime: 1))
        var failing = measured(steady, ["a": 100, "b": 110])
        for target in steady.allTargets where target.deployment.id == "a" {
            failing.attempt(target, .failed(.transient, retryAfterMs: nil), atMs: 1_960)
        }
        #expect(try ids(steady, failing)[0] == "b")
    }

    @Test("what is not known is tried, by few at once")
    func unknown() throws {
        let table = routes([Engine(id: "a"), Engine(id: "b")], by: Self.fast)
        var health = measured(table, ["a": 100])
        #expect((0..<50).contains { (try? ids(table, health, seed: $0)[0]) == "b" })
        for target in table.allTargets where target.deployment.id == "b" {
            for _ in 0..<3 { health.began(target, for: anyKeyHash, streams: true, isFirst: true, atMs: 1_000) }
        }
        #expect(!(0..<50).contains { (try? ids(table, health, seed: $0)[0]) == "b" }, "three are finding out")
    }

    @Test("what was not heard of for long is tried by one in fifty")
    func explored() throws {
        let table = routes([Engine(id: "a"), Engine(id: "b"), Engine(id: "c")], by: Self.fast)
        var health = measured(table, ["a": 100, "b": 900, "c": 900], atMs: 1_000)
        for target in table.allTargets where target.deployment.id == "c" {
            health.attempt(target, .firstToken(afterMs: 900), atMs: 19_000)
        }
        let plans = try (0..<5_000).map { try plan(table, health, nowMs: 20_000, seed: $0) }
        let explored = plans.filter { $0.reason == .exploration }
        #expect((60...140).contains(explored.count), "\(explored.count) of 5000")
        #expect(explored.allSatisfy { $0.targets[0].deployment.id == "b" }, "c was heard of")
    }

    @Test("more than half out: the measure is doubted and nobody is left away; else those that need an operator are")
    func panic() throws {
        let table = routes(["a", "b", "c"].map { Engine(id: $0) }, by: Self.fast)
        func health(_ refused: Set<String>) -> HealthTable {
            var health = HealthTable()
            for target in table.allTargets where refused.contains(target.deployment.id) {
                health.attempt(target, .failed(.operatorAuth, retryAfterMs: nil), atMs: 1_000)
            }
            return health
        }
        let one = try ids(table, health(["a"]))
        #expect(Set(one) == ["b", "c"])
        let two = try ids(table, health(["a", "b"]))
        #expect(two.first == "c" && Set(two) == ["a", "b", "c"], "those that are well still come first")
        let all = try plan(table, health(["a", "b", "c"]))
        #expect(all.targets.count == 3 && all.reason == .lastResort)
    }

    @Test("one request probes what failed, first of its plan; the others come to it last")
    func probe() throws {
        let table = routes([Engine(id: "a"), Engine(id: "b", modelOrder: 1)], by: nil)
        let board = SharedHealthTable()
        for target in table.allTargets where target.deployment.id == "a" {
            for _ in 0..<5 {
                board.began(target, for: anyKeyHash, streams: true, isFirst: true, atMs: 0)
                board.record(
                    AttemptReport(
                        target, for: anyKeyHash, startedMs: 0, streams: true, wasWaiting: true,
                        .failed(.transient, retryAfterMs: nil)),
                    atMs: 0)
            }
        }
        var random = Seeded(1)
        var firsts: [String] = []
        for now in [4_999, 5_000, 5_001, 5_002] as [Int64] {
            let plan = try board.plan(
                for: "all", in: table, facts: RouteFacts(), key: anyKey, wallMs: 5, atMs: now, random: &random)
            firsts.append(plan.targets[0].deployment.id)
        }
        #expect(firsts == ["b", "a", "b", "b"])
    }

    @Test("nobody probes a spare while the first choice works")
    func spare() throws {
        let table = routes([Engine(id: "a"), Engine(id: "b", modelOrder: 1)], by: nil)
        let health = HealthTable.failing(["b"], in: table, atMs: 0)
        #expect(try ids(table, health, nowMs: 10_000) == ["a", "b"])
    }

    @Test("the last attempt goes to another provider when there is one")
    func spread() throws {
        let engines = ["a", "b", "c", "d"].map { Engine(id: $0) } + [Engine(id: "e", provider: "q", modelOrder: 1)]
        #expect(try ids(routes(engines, by: Self.fast)).last == "e")
    }

    @Test("an unreachable provider takes all its deployments out")
    func provider() throws {
        let table = routes(
            [Engine(id: "a"), Engine(id: "b"), Engine(id: "c", provider: "q", modelOrder: 1)], by: Self.fast)
        var health = HealthTable()
        for target in table.allTargets where target.deployment.provider == "p" {
            for _ in 0..<3 { health.attempt(target, .failed(.unreachable, retryAfterMs: nil), atMs: 1_000) }
        }
        #expect(try ids(table, health).first == "c")
        let a = try #require(table.allTargets.first { $0.deployment.id == "a" })
        #expect(health.availability(of: a, atMs: 2_000) == .out("provider_unreachable", untilMs: 6_000))
        let told = DeploymentHealth(text: health.text(of: "a", atMs: 2_000, wallMs: 9_000), atMs: 2_000, wallMs: 9_000)
        #expect(told?.availability(atMs: 2_000) == .out("circuit_open", untilMs: 6_000), "as others are told")
        health.attempt(a, .failed(.transient, retryAfterMs: nil), atMs: 2_000)
        #expect(health.availability(of: a, atMs: 2_000) == .ready, "an error is an answer: it can be reached")
    }

    @Test("hard constraints leave out who cannot, and say why")
    func constraints() throws {
        let engines = [
            Engine(id: "plain", tools: false, window: 8_000), Engine(id: "small", window: 8_000),
            Engine(id: "large", window: 100_000), Engine(id: "dear", window: 100_000, price: 90_000_000_000),
        ]
        let table = routes(engines, by: nil, priceMax: 20_000_000_000)
        #expect(Set(try ids(table)) == ["plain", "small", "large"])
        #expect(Set(try ids(table, facts: RouteFacts(hasTools: true))) == ["small", "large"])
        #expect(try ids(table, facts: RouteFacts(inputTokens: 9_000)) == ["large"])
        #expect(try ids(table, facts: RouteFacts(inputTokens: 900_000)) == ["large"], "an estimate refuses nobody")
        var random = Seeded(1)
        let told = try table.explain(
            "all", facts: RouteFacts(hasTools: true, inputTokens: 9_000), key: anyKey, atMs: 5, health: HealthTable(),
            nowMs: 1, random: &random)
        #expect(
            Dictionary(told.excluded.map { ($0.model, $0.reason) }) { a, _ in a } == [
                "model-dear": .tooExpensive, "model-plain": .noTools, "model-small": .windowTooSmall,
            ])
        #expect(told.candidates.map(\.target.deployment.id) == ["large"])
        let none = routes([Engine(id: "plain", tools: false)], by: nil)
        #expect(throws: GatewayError.self) { try ids(none, facts: RouteFacts(hasTools: true)) }
        #expect(Set(try ids(routes(engines, by: nil, needsTools: true, windowMin: 50_000))) == ["large", "dear"])
    }

    @Test("the retry budget is a fifth of the traffic and a few")
    func budget() {
        var budget = RetryBudget()
        let start = (0..<100).count { _ in budget.withdraw() }
        for _ in 0..<50 { budget.deposit() }
        let later = (0..<100).count { _ in budget.withdraw() }
        #expect(start == 3 && later == 10)
    }

    @Test("the same arguments give the same plan")
    func pure() throws {
        let table = routes((0..<9).map { Engine(id: "e\($0)") }, by: Objective(latency: 1, cost: 1))
        let health = measured(table, ["e1": 100, "e2": 101, "e3": 99])
        for seed in 0..<50 as Range<UInt64> {
            #expect(try ids(table, health, seed: seed) == ids(table, health, seed: seed))
        }
    }
}
